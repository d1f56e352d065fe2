"""The cache of a diagnosis: whatever changes is seen, though everything was intact a moment ago."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.support.environment import TORCH, RealEnvironment, environment_in

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
    wheel = WheelContent(
        name="nvidia_cublas_cu12", version="1", tag="py3-none-any", files={"nvidia/x.py": b""}, summary="for tests"
    )
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


def find_cache_files(environment: RealEnvironment) -> list[Path]:
    return list((Path(environment.variables["HOME"]) / ".cache/hac-envtool/doctor").glob("*.json"))


@pytest.fixture(scope="module")
def cached(
    healthy_template: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, RealEnvironment]:
    """A healthy environment for each change, diagnosed before, so that everything in it is cached."""
    made = {name: copy_environment(healthy_template, wheels, tmp_path_factory) for name in CHANGES}
    # What was written a moment ago is not cached.
    time.sleep(1.1)
    for one in made.values():
        assert one.doctor()["findings"] == []
    return made


def copy_environment(template: Path, wheels: Path, factory: pytest.TempPathFactory) -> RealEnvironment:
    """A healthy environment with a home, a PYTHONPATH and a folder of programs of its own."""
    folder = factory.mktemp("cached")
    environment = environment_in(folder, wheels, factory.getbasetemp())
    shutil.copytree(template / "environment", environment.path, symlinks=True)
    environment.variables.update(PYTHONPATH=str(folder / "extra"), PATH=f"{folder}/programs:{os.environ['PATH']}")
    for name in ("extra", "programs"):
        (folder / name).mkdir()
    return environment


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_change_is_seen(cached: dict[str, RealEnvironment], name: str) -> None:
    environment, (change, identity) = cached[name], CHANGES[name]
    assert find_cache_files(environment)
    change(environment)
    assert identity in environment.finding_ids()


def test_intact_distributions_are_kept(environment: RealEnvironment) -> None:
    time.sleep(1.1)
    environment.doctor()
    (file,) = find_cache_files(environment)
    entries = json.loads(file.read_text())["entries"]
    assert f"files of torch-{TORCH}.dist-info" in entries


def test_nothing_is_kept_where_it_is_switched_off(environment: RealEnvironment) -> None:
    time.sleep(1.1)
    environment.variables["HAC_CACHE"] = "off"
    environment.doctor()
    assert find_cache_files(environment) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * 40, b"{}", b'{"version":2,"entries":[]}', b"[]", b'{"version":1,"known":{}}'],
    ids=["empty", "no text", "no version", "entries of another kind", "a list", "another version"],
)
def test_a_damaged_cache_costs_only_time(environment: RealEnvironment, data: bytes) -> None:
    time.sleep(1.1)
    environment.doctor()
    (file,) = find_cache_files(environment)
    file.write_bytes(data)
    assert environment.doctor()["findings"] == []


def test_a_file_where_the_folder_should_be(environment: RealEnvironment) -> None:
    folder = Path(environment.variables["HOME"]) / ".cache/hac-envtool/doctor"
    folder.parent.mkdir(parents=True)
    folder.write_text("")
    assert environment.doctor()["findings"] == []
