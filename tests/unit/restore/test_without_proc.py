"""Where /proc is not mounted, as in a plain chroot or under some builders, commands do what they do elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environment import TORCH, RealEnvironment

# A mount namespace of the command's own, in which nobody has mounted /proc.
_PRIVATE = ["unshare", "--mount", "sh", "-c", 'umount --lazy /proc && exec "$@"', "sh"]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may unmount /proc, for itself"),
]


def run(environment: RealEnvironment, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*_PRIVATE, sys.executable, "-m", "envtool", *words, "--prefix", str(environment.path)]
    variables = {**os.environ, **environment.variables}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_clobbered_torch_is_found_and_put_back(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    told = json.loads(run(environment, "doctor", "--format", "json").stdout)
    assert "torch-replaced" in {finding["id"] for finding in told["findings"]}
    done = run(environment, "restore")
    assert done.returncode == 0, done.stderr
    assert TORCH in done.stdout
    assert environment.doctor("--deep")["findings"] == []


def test_an_interrupted_restore_is_completed(environment: RealEnvironment) -> None:
    (environment.site_packages / ".hac-restore").mkdir()
    assert run(environment, "restore").returncode == 0
    assert environment.doctor("--deep")["findings"] == []


def test_a_distribution_is_installed_beside_torch(environment: RealEnvironment) -> None:
    wheels = ["--no-index", "--find-links", str(environment.wheels)]
    done = run(environment, "install", *wheels, "wants-any")
    assert done.returncode == 0, done.stderr
    assert environment.doctor("--deep")["findings"] == []


def test_reports_and_stores_are_written(environment: RealEnvironment, release: Path, tmp_path: Path) -> None:
    report, store = tmp_path / "report.json", tmp_path / "new/store"
    environment.variables["HAC_STORE"] = str(store)
    assert run(environment, "doctor", "--format", "json", "--output", str(report)).returncode == 0
    assert json.loads(report.read_text())["status"] == "healthy"
    done = run(environment, "restore", "--force", "--vendor", str(release))
    assert done.returncode == 0, done.stderr
    assert list(store.rglob("torch-*.whl"))
