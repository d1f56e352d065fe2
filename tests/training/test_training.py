"""Models that are really trained, on a torch from an index: some hundred megabytes to download."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envtool.models.run_model import ModelRequest, run_model
from envtool.release.pin import PIN_FILE, PinnedDistribution, PinOrigin, VendorPin, render_pin
from tests.support.environment import TORCH

pytestmark = pytest.mark.training

_TORCH = "torch==2.13.0"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with a real torch: that of HAC_TORCH_PYTHON, or of an environment that is made here.

    HAC_TORCH_INDEX is an index beside the configured ones, such as the one that has torch without CUDA.
    """
    if named := os.environ.get("HAC_TORCH_PYTHON"):
        return Path(named)
    folder = tmp_path_factory.mktemp("torch")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    index = os.environ.get("HAC_TORCH_INDEX")
    command: list[str | Path] = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-cache-dir", _TORCH]
    subprocess.run([*command, *(["--extra-index-url", index] if index else [])], check=True, timeout=1800)
    return folder / "bin/python"


@pytest.mark.parametrize("name", ["resnet", "gpt"])
def test_a_model_learns(python: Path, name: str) -> None:
    run = run_model(ModelRequest(name=name, python=python))
    assert [(check.title, check.passed) for check in run.checks if check.passed is False] == []
    assert run.checks[0].passed is None
    assert run.samples_per_second > 0


def test_another_torch_than_the_pinned_one_is_told(python: Path) -> None:
    prefix = Path(os.path.abspath(python)).parents[1]  # noqa: PTH100  # the environment's, not its Python's
    pin = prefix / PIN_FILE
    if pin.exists():
        pytest.skip("the environment has a pin of its own")
    pin.parent.mkdir(parents=True, exist_ok=True)
    pin.write_text(render_pin(VendorPin((PinnedDistribution(name="torch", version=TORCH),), PinOrigin.GIVEN)))
    try:
        run = run_model(ModelRequest(name="bert", python=python))
    finally:
        pin.unlink()
    assert [check.title for check in run.checks if check.passed is False] == ["torch is the pinned one"]
