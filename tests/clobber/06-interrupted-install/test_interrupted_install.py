"""Case 6: an install broken off. pip is really killed in the middle; what that leaves varies, so the rest is laid."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import WheelContent, write_wheel
from tests.support.environment import TORCH, RealEnvironment
from tests.support.verdict import Verdict


def moved_aside(site_packages: Path) -> bool:
    """Whether pip has moved something. It makes an empty `~…` folder first, and takes it away again for the rename."""
    with contextlib.suppress(FileNotFoundError):
        return any(path.name.startswith("~") and any(path.iterdir()) for path in site_packages.iterdir())
    return False


def test_pip_killed_while_it_replaces_torch(environment: RealEnvironment, verdict: Verdict) -> None:
    """pip moves the old torch aside before it unpacks the new one; a big new one gives time to kill it there."""
    files = {f"torch/part{number}.bin": bytes(50_000) for number in range(600)}
    wheel = write_wheel(
        WheelContent(name="torch", version="3.0", tag="py3-none-any", files=files, summary="for tests"),
        environment.path.parent / "big",
    )
    command = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--no-index", str(wheel)]
    # A group of its own: pip starts a second pip with the environment's interpreter, and both must die.
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment.variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if moved_aside(environment.site_packages):
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "pip was through before it could be killed"
    assert "torch-leftovers" in environment.finding_ids()
    verdict.finds(environment, "torch-leftovers", cause="did not come to the end")
    assert environment.doctor()["status"] != "healthy"

    assert environment.restore().status == 0
    assert environment.doctor("--deep")["findings"] == []
    assert not any(path.name.startswith("~") for path in environment.site_packages.iterdir())


@pytest.mark.parametrize("text", [None, ""])
def test_record_missing_or_empty(environment: RealEnvironment, verdict: Verdict, text: str | None) -> None:
    record = environment.site_packages / f"torch-{TORCH}.dist-info/RECORD"
    if text is None:
        record.unlink()
    else:
        record.write_text(text)
    assert environment.finding_ids() == {"torch-no-record"}
    verdict.finds(environment, "torch-no-record", cause="broken off")
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []


def test_two_dist_infos(environment: RealEnvironment, verdict: Verdict) -> None:
    kept = environment.path.parent / "kept"
    dist_info = environment.site_packages / f"torch-{TORCH}.dist-info"
    shutil.copytree(dist_info, kept)
    environment.uv_install("--no-deps", "-U", "torch")
    shutil.copytree(kept, dist_info)
    assert "torch-duplicate-metadata" in environment.finding_ids()
    verdict.finds(environment, "torch-duplicate-metadata", cause="second installer")
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []
    assert len(list(environment.site_packages.glob("torch-*.dist-info"))) == 1


def test_files_missing(environment: RealEnvironment, verdict: Verdict) -> None:
    (environment.site_packages / "torch/cuda.py").unlink()
    assert environment.finding_ids() == {"torch-files-missing"}
    verdict.finds(environment, "torch-files-missing", cause="broken off")
    environment.restore()
    assert environment.doctor("--deep")["findings"] == []


def test_where_only_leftovers_name_the_vendor_torch(environment: RealEnvironment) -> None:
    """Without a pin file, `~orch-….dist-info` is the only trace of what had been there."""
    shutil.rmtree(environment.path / "etc")
    dist_info = environment.site_packages / f"torch-{TORCH}.dist-info"
    dist_info.rename(environment.site_packages / f"~orch-{TORCH}.dist-info")
    document = environment.doctor()
    assert document["environment"]["pin"]["origin"] == "records"
    assert document["environment"]["pin"]["distributions"][0]["version"] == TORCH
    assert document["status"] == "damaged"


def test_healthy_twin_with_leftovers_of_others(environment: RealEnvironment, verdict: Verdict) -> None:
    (environment.site_packages / "~umpy").mkdir()
    (environment.site_packages / "~umpy-1.0.dist-info").mkdir()
    verdict.silent(environment, "--deep")
