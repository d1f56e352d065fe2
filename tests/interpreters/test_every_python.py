"""Every Python's environment is healthy, is clobbered by its own pip, found out, restored, and installed into."""

from __future__ import annotations

import pytest

from tests.support.environment import TORCH
from tests.support.python_environment import PythonEnvironment

pytestmark = pytest.mark.interpreters


def test_what_its_pip_installed_is_healthy(python_environment: PythonEnvironment) -> None:
    outcome = python_environment.envtool("doctor", "--prefix", str(python_environment.path), "--deep")
    assert outcome.status == 0, outcome.out
    assert outcome.out.startswith(f"healthy: torch {TORCH}")
    assert f"(venv, Python {python_environment.version})" in outcome.out


def test_its_pip_clobbers_torch_and_restore_puts_it_back(python_environment: PythonEnvironment) -> None:
    prefix, release = str(python_environment.path), str(python_environment.release)
    pinned = python_environment.here("restore", "--prefix", prefix, "--vendor", release)
    assert "nothing to do" in pinned.out, pinned.err
    python_environment.pip_install("wants-newer")
    assert python_environment.run("-c", "import torch; print(torch.__version__)").out == "2.13.0\n"

    finding = next(item for item in python_environment.doctor()["findings"] if item["severity"] == "error")
    assert finding["id"] == "torch-replaced"
    assert finding["evidence"][0]["found"] == "2.13.0"
    assert "because wants-newer 1.0 requires torch>=2.0" in finding["cause"]

    restored = python_environment.restore("--vendor", release)
    assert restored.status == 0, restored.err
    assert python_environment.doctor("--deep")["status"] == "healthy"
    shown = python_environment.run("-c", "import torch; print(torch.__version__, torch.version.moreh)")
    assert shown.out == "1.7.1 22.8.0\n"

    # The restored records are good enough for this pip: it finds every file by them.
    command = python_environment.path / "bin/convert-caffe2-to-onnx"
    assert command.exists()
    python_environment.pip("uninstall", "--quiet", "--yes", "torch")
    assert not (python_environment.site_packages / "torch").exists()
    assert not command.exists()


def test_a_package_is_installed_beside_torch_and_one_that_clobbers_is_refused(
    python_environment: PythonEnvironment,
) -> None:
    prefix, wheels = str(python_environment.path), str(python_environment.wheels)
    command = ("install", "--prefix", prefix, "--no-index", "--find-links", wheels)
    outcome = python_environment.envtool(*command, "harmless")
    assert outcome.status == 0, outcome.err
    assert "added    harmless 1.0" in outcome.out
    python_environment.run("-c", "import harmless")

    refused = python_environment.envtool(*command, "wants-newer")
    assert refused.status == 1, refused.out + refused.err
    assert "wants-newer" in refused.out
    assert python_environment.doctor("--deep")["findings"] == []


def test_the_probe_runs_in_it(python_environment: PythonEnvironment) -> None:
    """The stand-in torch has no accelerator behind it; saying so takes the probe's whole way through that Python."""
    assert python_environment.finding_ids("--probe") == {"probe-no-accelerator"}
