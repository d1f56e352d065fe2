"""`envtool protect` on real environments, tried by real pip and uv, and taken back byte for byte."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.profiles.conftest import PROFILES, MakeVendor
from tests.support.environment import RealEnvironment
from tests.support.vendor_wheels import get_case

Make = Callable[[str], RealEnvironment]


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode and content, and every folder."""
    return {
        str(path.relative_to(folder)): (
            stat.S_IMODE(path.lstat().st_mode),
            path.read_bytes() if path.is_file() and not path.is_symlink() else b"",
        )
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


def protect(environment: RealEnvironment, *arguments: str) -> str:
    outcome = environment.here("protect", "--prefix", str(environment.path), *arguments)
    assert outcome.status == 0, outcome.err
    return outcome.out


def torch_of(environment: RealEnvironment) -> str:
    found = [path.name for path in environment.site_packages.glob("torch-*.dist-info")]
    assert len(found) == 1, found
    return found[0].removeprefix("torch-").removesuffix(".dist-info")


def uv_in_activated(environment: RealEnvironment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`uv pip install` where the environment is activated, as a person does."""
    script = f'. "{environment.path}/bin/activate" && uv pip install --no-index --find-links "{environment.wheels}" '
    variables = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": environment.variables["HOME"]}
    return subprocess.run(
        ["bash", "-c", script + " ".join(f"'{item}'" for item in arguments) + "; echo status $?"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("profile", [*PROFILES, "hac"])
def test_undo_leaves_no_trace(profile: str, make_vendor: MakeVendor) -> None:
    environment = make_vendor(profile)
    before = snapshot(environment.path)
    written = protect(environment)
    assert get_case(profile).torch in written
    after = snapshot(environment.path)
    assert {"pip.conf", "uv.toml", "etc/hac/pin.toml", "etc/hac/constraints.txt"} <= after.keys() - before.keys()
    assert "nothing to do" in protect(environment)
    assert environment.doctor()["environment"]["pin"]["origin"] == "file"
    protect(environment, "--undo")
    assert snapshot(environment.path) == before
    assert "nothing to do" in protect(environment, "--undo")


def test_a_dry_run_changes_nothing(make_vendor: MakeVendor) -> None:
    environment = make_vendor("rocm")
    before = snapshot(environment.path)
    assert "pip.conf" in protect(environment, "--dry-run")
    assert snapshot(environment.path) == before


def test_pip_and_uv_are_held(make_vendor: MakeVendor) -> None:
    environment = make_vendor("habana")
    # pip reads the environment's pip.conf unless a test keeps all configuration out.
    environment.variables.pop("PIP_CONFIG_FILE")
    torch = torch_of(environment)
    protect(environment)
    environment.variables["PIP_CONSTRAINT"] = ""
    pip = [str(environment.python.parent / "pip")]
    assert not Path(pip[0]).exists()
    refused = environment.pip(
        "install", "--no-index", "--find-links", str(environment.wheels), "newer-torch", check=False
    )
    assert refused.status != 0
    assert "ResolutionImpossible" in refused.out + refused.err or "conflict" in refused.out + refused.err
    assert "status 1" in uv_in_activated(environment, "newer-torch").stdout
    assert "status 0" in uv_in_activated(environment, "any-torch").stdout
    assert torch_of(environment) == torch
    protect(environment, "--undo")
    assert "status 0" in uv_in_activated(environment, "newer-torch").stdout
    assert torch_of(environment) == "2.13.0"


def test_deactivating_ends_it(make_vendor: MakeVendor) -> None:
    environment = make_vendor("xpu")
    protect(environment)
    activate = f'. "{environment.path}/bin/activate"'
    show = 'echo "[${UV_CONSTRAINT-unset}]"'
    first = f"{activate}; {activate}; {show}; deactivate; {show}"
    script = f"{first}; export UV_CONSTRAINT=mine.txt; {activate}; {show}; deactivate; {show}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    own = environment.path / "etc/hac/constraints.txt"
    assert done.stdout.splitlines() == [f"[{own}]", "[unset]", f"[{own} mine.txt]", "[mine.txt]"]
    assert done.stderr == ""


MINE = {
    "pip.conf": (
        "; mine\n[global]\nindex-url = https://example.com/simple\n\n[install]\nconstraint =\n    /etc/mine.txt\n"
        "no-compile = true\n"
    ),
    "uv.toml": '# mine\nconstraint-dependencies = [\n  "numpy<2", # old\n]\n\n[pip]\nstrict = true\n',
}


def test_what_is_there_stays_and_is_merged_with(make_vendor: MakeVendor) -> None:
    environment = make_vendor("ngc")
    for name, text in MINE.items():
        (environment.path / name).write_text(text)
    (environment.path / "pip.conf").chmod(0o600)
    before = snapshot(environment.path)
    protect(environment)
    pip = (environment.path / "pip.conf").read_text()
    assert "/etc/mine.txt" in pip
    assert pip.count("[global]") == 1
    assert stat.S_IMODE((environment.path / "pip.conf").stat().st_mode) == 0o600
    uv = (environment.path / "uv.toml").read_text()
    assert '"numpy<2", # old' in uv
    assert '"torch==2.8.0a0+5228986c39.nv25.5"' in uv
    configuration = environment.here("doctor", "--prefix", str(environment.path))
    assert configuration.status == 0
    protect(environment, "--undo")
    assert snapshot(environment.path) == before


def test_what_was_written_since_stays(make_vendor: MakeVendor) -> None:
    environment = make_vendor("ngc")
    (environment.path / "uv.toml").write_text(MINE["uv.toml"])
    protect(environment)
    for name, line in (("pip.conf", "timeout = 30\n"), ("uv.toml", "native-tls = true\n")):
        path = environment.path / name
        text = path.read_text()
        path.write_text(text + line if name == "pip.conf" else line + text)
    protect(environment, "--undo")
    assert (environment.path / "pip.conf").read_text() == "[global]\ntimeout = 30\n"
    uv = (environment.path / "uv.toml").read_text()
    assert uv.startswith("native-tls = true\n")
    assert "numpy<2" in uv
    assert "torch" not in uv
    assert not (environment.path / "etc").exists()


def test_a_new_release_takes_the_old_ones_place(make_vendor: MakeVendor) -> None:
    environment = make_vendor("cpu")
    before = snapshot(environment.path)
    protect(environment)
    pin = environment.path / "etc/hac/pin.toml"
    pin.write_text(pin.read_text().replace("2.6.0+cpu", "2.7.0+cpu"))
    written = protect(environment)
    assert "2.7.0+cpu" in written
    assert (environment.path / "uv.toml").read_text().count("torch==") == 1
    protect(environment, "--undo")
    rest = snapshot(environment.path)
    assert {name for name in rest if name not in before} <= {"etc", "etc/hac", "etc/hac/pin.toml"}


def test_conda_is_held_as_well(make_vendor: MakeVendor) -> None:
    environment = make_vendor("rocm")
    (environment.path / "conda-meta").mkdir()
    (environment.path / "conda-meta/history").write_text("==> 2026-01-01 <==\n")
    (environment.path / "conda-meta/pinned").write_text("numpy 1.26.*\n")
    before = snapshot(environment.path)
    protect(environment)
    pinned = (environment.path / "conda-meta/pinned").read_text()
    assert pinned.startswith("numpy 1.26.*\n")
    assert "\npytorch <0\n" in pinned
    scripts = [environment.path / f"etc/conda/{name}.d/hac-protect.sh" for name in ("activate", "deactivate")]
    show = 'echo "[${UV_CONSTRAINT-unset}]"'
    script = f'. "{scripts[0]}"; {show}; . "{scripts[1]}"; {show}'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"[{environment.path}/etc/hac/constraints.txt]", "[unset]"]
    protect(environment, "--undo")
    assert snapshot(environment.path) == before


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [("uv.toml", "constraint-dependencies = 7\n", "list"), ("uv.toml", "[[[", "uv.toml"), ("pip.conf", None, "link")],
)
def test_what_cannot_be_edited_is_left_alone(name: str, text: str | None, word: str, make_vendor: MakeVendor) -> None:
    environment = make_vendor("xpu")
    path = environment.path / name
    if text is None:
        path.symlink_to("/etc/pip.conf")
    else:
        path.write_text(text)
    before = snapshot(environment.path)
    outcome = environment.here("protect", "--prefix", str(environment.path))
    assert outcome.status == 10
    assert word in outcome.err
    assert snapshot(environment.path) == before


def test_without_a_vendor_there_is_nothing_to_keep(make_environment: Make) -> None:
    plain = make_environment("plain")
    outcome = plain.here("protect", "--prefix", str(plain.path))
    assert outcome.status == 7
    assert "--profile" in outcome.err


def test_the_constraints_alone_can_be_printed(make_vendor: MakeVendor) -> None:
    """For whoever keeps a file of his own: nothing is written, and pip and uv take what is printed."""
    environment = make_vendor("ngc")
    before = sorted(environment.path.rglob("*"))
    done = environment.here("protect", "--prefix", str(environment.path), "--print")
    assert done.status == 0, done.err
    assert "torch==2.8.0a0+5228986c39.nv25.5" in done.out.splitlines()
    assert sorted(environment.path.rglob("*")) == before
    file = environment.path.parent / "constraints.txt"
    file.write_text(done.out)
    environment.variables.update(PIP_CONSTRAINT=str(file), UV_CONSTRAINT=str(file))
    assert environment.pip(
        "install", "--no-index", "--find-links", str(environment.wheels), "newer-torch", check=False
    ).status
    environment.uv_install("any-torch")
    assert environment.doctor()["status"] == "healthy"
    both = environment.here("protect", "--prefix", str(environment.path), "--print", "--undo")
    assert both.status == 2
