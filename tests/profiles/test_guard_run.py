"""`envtool guard run`: what real installers did to other vendors' torches, in words, and the command's own status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from envtool.release.read_profile import load_profile
from tests.profiles.conftest import PROFILES, MakeVendor
from tests.support.environment import RealEnvironment
from tests.support.vendor_wheels import get_case

UV = str(Path(sys.executable).parent / "uv")


@dataclass(frozen=True)
class Guarded:
    """How a guarded command ended."""

    status: int
    out: str
    err: str


def make_variables(environment: RealEnvironment, **others: str) -> dict[str, str]:
    variables = {**os.environ, **environment.variables, "VIRTUAL_ENV": str(environment.path)}
    variables["PATH"] = f"{environment.path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(environment.wheels)}
    # uv has no variable that forbids the index: without this it would install a real torch, 200 MB, from there.
    # Without a cache: one page of an index that another test left in it would be what uv takes for the index.
    variables |= {"UV_OFFLINE": "1", "UV_NO_CACHE": "1", "UV_FIND_LINKS": str(environment.wheels), "HAC_GUARD": ""}
    return variables | others


def guard(environment: RealEnvironment, *words: str, folder: Path | None = None, **variables: str) -> Guarded:
    command = [sys.executable, "-m", "envtool", "guard", "run", *words]
    done = subprocess.run(
        command,
        env=make_variables(environment, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=folder or environment.path.parent,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Guarded(done.returncode, done.stdout, done.stderr)


def pip(environment: RealEnvironment) -> list[str]:
    return [sys.executable, "-m", "pip", "--python", str(environment.python)]


def is_whole(environment: RealEnvironment, profile: str) -> bool:
    return (environment.site_packages / f"torch-{get_case(profile).torch}.dist-info").is_dir()


@pytest.mark.parametrize("profile", PROFILES)
def test_what_replaces_a_vendors_torch_is_stopped_in_that_vendors_words(profile: str, make_vendor: MakeVendor) -> None:
    environment = make_vendor(profile)
    done = guard(environment, "--", *pip(environment), "install", "--quiet", "newer-torch")
    assert done.status == 97, done.err
    vendor = load_profile(profile)
    assert f"guard: this command damaged {vendor.title}: {vendor.cure.lost}" in done.err
    assert f"torch {get_case(profile).torch}" in done.err
    assert "newer-torch 1.0 requires torch>=2.12" in done.err
    assert f"back         envtool restore --prefix {environment.path}" in done.err
    assert "moreh" not in done.err.lower()
    assert "accelerator" not in done.err


@pytest.mark.parametrize("profile", PROFILES)
def test_what_leaves_it_alone_says_nothing(profile: str, make_vendor: MakeVendor) -> None:
    environment = make_vendor(profile)
    done = guard(environment, "--", UV, "pip", "install", "--quiet", "any-torch")
    assert (done.status, done.err) == (0, "")
    assert is_whole(environment, profile)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("tool", ["pip", "uv", "uv-sync", "bash", "make", "python", "nested"])
def test_by_whichever_tool(tool: str, make_vendor: MakeVendor, tmp_path: Path) -> None:
    environment = make_vendor("rocm")
    folder = tmp_path / "project"
    write(folder / "requirements.txt", "newer-torch\n")
    install = " ".join([*pip(environment), "install", "--quiet", "-r", "requirements.txt"])
    write(folder / "setup.sh", f"set -e\n{install}\n")
    write(folder / "Makefile", f"install:\n\t@{install}\n")
    write(folder / "outer.sh", "bash setup.sh\n")
    write(folder / "install.py", f"import subprocess\nsubprocess.run({install.split()!r}, check=True)\n")
    commands = {
        "pip": install.split(),
        "uv": [UV, "pip", "install", "--quiet", "-r", "requirements.txt"],
        "uv-sync": [UV, "pip", "sync", "--quiet", "requirements.txt"],
        "bash": ["bash", "setup.sh"],
        "make": ["make", "install"],
        "python": [str(environment.python), "install.py"],
        "nested": ["bash", "outer.sh"],
    }
    done = guard(environment, "--", *commands[tool], folder=folder)
    assert done.status == 97, done.err
    assert "guard: this command damaged the build for AMD's ROCm" in done.err
    assert not is_whole(environment, "rocm")


def test_the_project_of_uv_is_looked_at_where_none_is_active(make_vendor: MakeVendor, tmp_path: Path) -> None:
    """`uv` works in the `.venv` of the folder that it is started in."""
    environment = make_vendor("rocm")
    folder = tmp_path / "project/below"
    folder.mkdir(parents=True)
    (tmp_path / "project/.venv").symlink_to(environment.path)
    command = [UV, "pip", "install", "--quiet", "newer-torch"]
    done = guard(environment, "--", *command, folder=folder, VIRTUAL_ENV="", PATH=os.environ["PATH"])
    assert done.status == 97, done.err
    assert str(tmp_path / "project/.venv") in done.err


def test_a_python_that_is_named_tells_its_environment(make_vendor: MakeVendor) -> None:
    environment = make_vendor("rocm")
    code = f"import shutil; shutil.rmtree({str(environment.site_packages / 'torch')!r})"
    done = guard(environment, "--", str(environment.python), "-c", code, VIRTUAL_ENV="", PATH=os.environ["PATH"])
    assert done.status == 97, done.err
    assert "torch" in done.err


@pytest.mark.parametrize("status", [1, 2, 3, 97, 126, 255])
def test_the_commands_own_status_is_kept(status: int, make_vendor: MakeVendor) -> None:
    done = guard(make_vendor("rocm"), "--", "sh", "-c", f"echo out; echo err >&2; exit {status}")
    assert (done.status, done.out) == (status, "out\n")
    assert done.err.startswith("err\n")


def test_a_command_that_fails_and_damages_is_97(make_vendor: MakeVendor) -> None:
    environment = make_vendor("rocm")
    script = f"rm -rf {environment.site_packages}/torch; exit 3"
    done = guard(environment, "--", "sh", "-c", script)
    assert done.status == 97


def test_one_that_is_not_there_and_one_that_cannot_be_run(make_vendor: MakeVendor, tmp_path: Path) -> None:
    environment = make_vendor("rocm")
    missing = guard(environment, "--", "no-such-program")
    assert missing.status == 127
    assert "no-such-program cannot be run" in missing.err
    file = write(tmp_path / "not-executable", "")
    assert guard(environment, "--", str(file)).status == 126
    assert guard(environment, "--", "sh", "-c", "kill -9 $$").status == 137


def test_warn_restore_and_off(make_vendor: MakeVendor, vendor_wheels: object) -> None:
    assert callable(vendor_wheels)
    environment = make_vendor("rocm")
    install = [*pip(environment), "install", "--quiet", "newer-torch"]
    done = guard(environment, "--", *install, HAC_GUARD="warn")
    assert done.status == 0
    assert "guard: this command damaged" in done.err
    # Damaged before already: that is said, and the status is the command's.
    again = guard(environment, "--", "true")
    assert again.status == 0
    assert "was damaged before already" in again.err

    folder = str(vendor_wheels("rocm"))
    assert environment.here("restore", "--prefix", str(environment.path), "--vendor", folder).status == 0
    done = guard(environment, "--", *install, HAC_GUARD="restore", HAC_VENDOR=folder)
    # What the new package requires does not fit the torch that is there again, and doctor says so; torch is whole.
    assert is_whole(environment, "rocm"), done.err
    done = guard(environment, "--", "sh", "-c", f"rm -r {environment.site_packages}/torch; exit 5", HAC_GUARD="off")
    assert (done.status, done.err) == (5, "")
    done = guard(environment, "--", "true", HAC_GUARD="loud")
    assert "taken as fail" in done.err


def test_without_a_vendors_torch_the_command_runs_all_the_same(make_vendor: MakeVendor) -> None:
    environment = make_vendor("ngc")
    environment.uv_install("--upgrade", "torch==2.6.0")
    done = guard(environment, "--", "sh", "-c", "exit 4")
    assert done.status == 4
    assert "had no vendor's torch that is known here" in done.err
    assert "envtool profile list" in done.err


def test_no_command_is_wrong_usage(make_vendor: MakeVendor) -> None:
    assert guard(make_vendor("rocm")).status == 2


def listen_to_interrupts() -> None:
    """A run of tests in the background ignores SIGINT, which its programs inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def stop_when_ready(environment: RealEnvironment, script: str, ready: Path, number: signal.Signals) -> tuple[int, str]:
    """Send a signal to `guard run` once its script has made the file `ready`: its status, and what it said."""
    command = [sys.executable, "-m", "envtool", "guard", "run", "--", "sh", "-c", script]
    with subprocess.Popen(
        command,
        env=make_variables(environment),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_interrupts,
    ) as process:
        deadline = time.monotonic() + 120
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        _out, err = process.communicate(timeout=120)
    return process.returncode, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_in_the_middle_it_still_looks(number: signal.Signals, make_vendor: MakeVendor, tmp_path: Path) -> None:
    """Ctrl-C after torch was taken away: the command ends by it, and what it did is said."""
    environment = make_vendor("rocm")
    ready = tmp_path / "ready"
    script = f"rm -r {environment.site_packages}/torch; touch {ready}; exec sleep 600"
    status, err = stop_when_ready(environment, script, ready, number)
    assert status == 97, err
    assert "guard: this command damaged the build for AMD's ROCm" in err
    assert "Traceback" not in err


def test_stopped_before_it_did_anything_the_status_is_the_signals(make_vendor: MakeVendor, tmp_path: Path) -> None:
    environment = make_vendor("rocm")
    ready = tmp_path / "ready"
    status, err = stop_when_ready(environment, f"touch {ready}; exec sleep 600", ready, signal.SIGINT)
    assert status == 130, err
    assert "is as it was" in err
