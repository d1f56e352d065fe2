"""An answer that is given once more without a diagnosis: only where nothing changed, whatever that may be."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.conftest import TORCH, RealEnvironment

PACKAGE = Path(__file__).parents[3] / "envtool"
PINNED_MORE = "\n[[distribution]]\nname = 'x'\nversion = '1'\n"
Change = Callable[[RealEnvironment], object]


def site(environment: RealEnvironment) -> Path:
    return environment.site_packages


def append(path: Path, text: str) -> None:
    """Change a file in place: its folder does not notice."""
    with path.open("a") as stream:
        stream.write(text)


def same_size(path: Path) -> None:
    data = bytearray(path.read_bytes())
    row = b"torch/__init__.py,sha256="
    data[data.index(row) + len(row)] ^= 1
    path.write_bytes(data)


def put_first(environment: RealEnvironment) -> None:
    other = environment.path.parent / "other/torch"
    other.mkdir(parents=True)
    (other / "__init__.py").touch()
    (site(environment) / "first.pth").write_text(f"import sys; sys.path.insert(0, '{other.parent}')\n")


def fill_pythonpath(environment: RealEnvironment) -> None:
    folder = Path(environment.variables["PYTHONPATH"]) / "torch"
    folder.mkdir()
    (folder / "__init__.py").touch()


def override(environment: RealEnvironment) -> None:
    settings = Path(environment.variables["XDG_CONFIG_HOME"]) / "uv/uv.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('override-dependencies = ["torch==2.0"]\n')


def driver(environment: RealEnvironment) -> None:
    program = Path(environment.variables["PATH"].split(":")[0]) / "moreh-smi"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)


def lose_interpreter(environment: RealEnvironment) -> None:
    for path in (environment.path / "bin").glob("python*"):
        path.unlink()
    (environment.path / "bin/python").symlink_to("/nowhere/python3")


def cuda_package(environment: RealEnvironment) -> None:
    wheel = WheelContent("nvidia_cublas_cu12", "1", "py3-none-any", {"nvidia/x.py": b""}, "for tests")
    environment.uv_install("--no-deps", str(write_wheel(wheel, environment.path.parent / "other")))


CHANGES: dict[str, tuple[Change, str]] = {
    "code in place": (lambda e: append(site(e) / "torch/cuda.py", "#"), "torch-files-changed"),
    "a data file gone": (lambda e: (site(e) / "torch/lib/libtorch_stand_in.txt").unlink(), "torch-files-missing"),
    "another torch": (lambda e: e.uv_install("wants-newer"), "torch-replaced"),
    "a leftover": (lambda e: (site(e) / "~orch").mkdir(), "torch-leftovers"),
    "a pth file": (put_first, "torch-shadowed"),
    "a folder of PYTHONPATH": (fill_pythonpath, "torch-shadowed"),
    "metadata in place": (
        lambda e: append(site(e) / f"torch-{TORCH}.dist-info/METADATA", "\n"),
        "torch-files-changed",
    ),
    "RECORD in place, same size": (
        lambda e: same_size(site(e) / f"torch-{TORCH}.dist-info/RECORD"),
        "torch-hash-mismatch",
    ),
    "a companion gone": (lambda e: shutil.rmtree(site(e) / "torchvision-0.8.2.dist-info"), "companion-missing"),
    "a CUDA wheel": (cuda_package, "cuda-wheels"),
    "an override": (override, "pins-overridden"),
    "a driver": (driver, "driver-failed"),
    "the interpreter gone": (lose_interpreter, "interpreter-missing"),
    "the pin": (lambda e: append(e.path / "etc/hac/pin.toml", PINNED_MORE), "companion-missing"),
    "metadata of others": (lambda e: (site(e) / "numpy-1.0.dist-info").mkdir(), "metadata-broken"),
}


def kept(environment: RealEnvironment) -> list[Path]:
    return list((Path(environment.variables["HOME"]) / ".cache/hac/doctor").glob("again-*"))


def test_every_change_is_seen(environment: RealEnvironment, tmp_path: Path) -> None:
    environments = {name: copy_of(environment, tmp_path / str(number)) for number, name in enumerate(CHANGES)}
    time.sleep(1.1)
    for one in environments.values():
        assert one.doctor()["findings"] == []
    for name, one in environments.items():
        assert kept(one), f"{name}: the answer was not kept"
        change, identity = CHANGES[name]
        assert one.doctor()["findings"] == []
        change(one)
        assert one.finding_ids() & {identity}, name


def copy_of(environment: RealEnvironment, folder: Path) -> RealEnvironment:
    """The environment once more, with a home, a PYTHONPATH and a folder of programs of its own."""
    variables = {
        name: text.replace(str(environment.path.parent), str(folder)) for name, text in environment.variables.items()
    }
    variables |= {"PYTHONPATH": str(folder / "extra"), "PATH": f"{folder}/programs:{os.environ['PATH']}"}
    for name in ("home", "extra", "programs"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(environment.path, folder / "environment", symlinks=True)
    return RealEnvironment(folder / "environment", environment.wheels, variables)


def test_other_questions_are_other_answers(environment: RealEnvironment) -> None:
    time.sleep(1.1)
    text = environment.envtool("doctor", "--prefix", str(environment.path))
    again = environment.envtool("doctor", "--prefix", str(environment.path))
    assert (again.out, again.status) == (text.out, 0)
    assert len(kept(environment)) == 1
    json.loads(environment.envtool("doctor", "--prefix", str(environment.path), "--format", "json").out)
    environment.variables["HAC_CACHE"] = "off"
    assert environment.envtool("doctor", "--prefix", str(environment.path)).out == text.out


def test_a_damaged_memory_costs_nothing_but_time(environment: RealEnvironment) -> None:
    time.sleep(1.1)
    assert environment.doctor()["findings"] == []
    folder = Path(environment.variables["HOME"]) / ".cache/hac/doctor"
    for data in (b"", b"\xff" * 40, b"{}", b'{"version":1,"known":[]}', b"[]"):
        for path in folder.iterdir():
            path.write_bytes(data)
        assert environment.doctor()["findings"] == []
    shutil.rmtree(folder)
    folder.write_text("a file where the folder should be")
    assert environment.doctor()["findings"] == []


def test_nothing_is_looked_at_past_the_witness() -> None:
    """What reads an environment looks at paths by `environment.looking` alone, so that no look is forgotten."""
    # files: by the traces that vouch for them. The probe and remedies only run where a person asked or damage is found.
    exempt = {"looking.py", "fingerprint.py", "files.py", "probe.py", "probe_script.py", "conda.py", "elf.py"}
    looks = {"exists", "is_file", "is_dir", "is_symlink", "stat", "lstat", "isfile", "isdir", "getsize", "access"}
    found: list[tuple[str, str]] = []
    for path in [*PACKAGE.glob("environment/*.py"), *PACKAGE.glob("doctor/**/*.py"), PACKAGE / "cli/run_doctor.py"]:
        if path.name in exempt:
            continue
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        found += [
            (str(path.relative_to(PACKAGE)), call.attr)
            for call in calls
            if isinstance(call, ast.Attribute) and call.attr in looks
        ]
    # Directory entries are the listing's own; the others are only reached where something is wrong already.
    allowed = {
        ("environment/reader.py", "is_dir"),
        ("environment/reader.py", "exists"),
        ("environment/distribution.py", "exists"),
        ("environment/distribution.py", "stat"),
        ("doctor/checks/interpreter.py", "is_symlink"),
    }
    assert set(found) - allowed == set()


@pytest.mark.parametrize("module", ["json", "pathlib", "dataclasses", "typing", "re"])
def test_the_way_to_the_answer_imports_next_to_nothing(module: str) -> None:
    start = f"import sys; sys.path[:0] = [{str(PACKAGE.parent)!r}]"
    code = f"{start}; import envtool.cli.main; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-S", "-I", "-c", code], check=False).returncode == 0
