"""Models that are really trained, on a torch from an index: some hundred megabytes to download."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from envtool.models.run_model import ModelRequest, run_model
from envtool.release.pin import PIN_FILE, PinnedDistribution, PinOrigin, VendorPin, render_pin
from tests.support.environment import TORCH
from tests.support.real_torch import TorchUnavailableError, make_torch_environment

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with a real torch: that of HAC_TORCH_PYTHON, or of an environment that is made here."""
    if named := os.environ.get("HAC_TORCH_PYTHON"):
        return Path(named)
    is_required = os.environ.get("HAC_REQUIRE_TRAINING") == "1"
    try:
        return make_torch_environment(tmp_path_factory.mktemp("torch"), is_required=is_required)
    except TorchUnavailableError as error:
        if is_required:
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ["resnet", "gpt"])
def test_a_model_learns(python: Path, name: str) -> None:
    before = _measure_processor()
    run = run_model(ModelRequest(name=name, python=python))
    # It computes in one thread: this is what it takes on an idle machine, however busy this one is.
    assert _measure_processor() - before < 60
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


def _measure_processor() -> float:
    """The seconds of processor time of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
