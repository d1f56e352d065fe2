"""The service's own environment: Python 3.8 with PyPI's torch 1.7.1, relabelled as the vendor's, and its companions.

The wheels are downloaded once, into the checkout's work folder.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.models.run_model import ModelRequest, run_model
from tests.interpreters.relabel import relabel_wheel
from tests.support.environment import TORCH
from tests.support.python_environment import PythonEnvironment, environment_of, require_python

pytestmark = pytest.mark.gigabyte

_DOWNLOADS = Path(__file__).parents[2] / ".work" / "service-wheels"
_UPSTREAM = ("torch==1.7.1", "torchvision==0.8.2", "torchaudio==0.7.2")
# Real work for the libraries of both: a convolution network's forward and backward pass, and a C++ operator.
_COMPUTE = """
import numpy, torch, torchvision
torch.manual_seed(0)
model = torchvision.models.resnet18(num_classes=10)
loss = model(torch.rand(2, 3, 64, 64)).pow(2).mean()
loss.backward()
assert model.conv1.weight.grad.abs().sum() > 0
boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
assert torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == [0, 2]
product = torch.arange(6.0).reshape(2, 3) @ torch.from_numpy(numpy.eye(3, dtype=numpy.float32))
print(torch.version.moreh, product.sum().item())
"""


@pytest.fixture(scope="module")
def upstream() -> Path:
    """The folder with PyPI's wheels."""
    python = require_python("3.8")
    command = [str(python), "-m", "pip", "download", "--quiet", "--dest", str(_DOWNLOADS), *_UPSTREAM]
    subprocess.run(command, check=True, timeout=3000)
    return _DOWNLOADS


@pytest.fixture
def service(upstream: Path, tmp_path: Path) -> Iterator[PythonEnvironment]:
    """The environment; all of it, and its copies of torch, are removed after the test."""
    made = environment_of(tmp_path, tmp_path, "3.8")
    (tmp_path / "wheels").symlink_to(upstream)
    _relabel_torch(next(upstream.glob("torch-1.7.1-*.whl")), made.release)
    subprocess.run([str(require_python("3.8")), "-m", "venv", str(made.path)], check=True, timeout=120)
    made.pip_install(f"--find-links={made.release}", f"torch=={TORCH}", *_UPSTREAM[1:])
    yield made
    for folder in (made.path, made.release, tmp_path / "store"):
        shutil.rmtree(folder)


def _relabel_torch(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        version = archive.read("torch/version.py") + b"moreh = '22.8.0'\n"
    relabel_wheel(wheel, TORCH, folder, {"torch/version.py": version})


def test_upstreams_torch_clobbers_it_and_restore_makes_it_compute_again(service: PythonEnvironment) -> None:
    pinned = service.restore("--vendor", str(service.release))
    assert pinned.status == 0, pinned.err
    assert service.doctor("--deep")["findings"] == []
    assert service.run("-c", _COMPUTE).out == "22.8.0 15.0\n"

    service.pip_install("--force-reinstall", "--no-deps", "torch==1.7.1")
    finding = service.doctor()["findings"][0]
    assert finding["id"] == "torch-replaced"
    assert finding["evidence"][0]["found"] == "1.7.1"

    restored = service.restore()
    assert restored.status == 0, restored.err
    assert service.doctor("--deep")["findings"] == []
    assert service.run("-c", _COMPUTE).out == "22.8.0 15.0\n"
    assert "No broken requirements" in service.pip("check").out


def test_a_model_learns_with_it(service: PythonEnvironment) -> None:
    run = run_model(ModelRequest(name="resnet", prefix=service.path))
    assert [check.passed for check in run.checks] == [True, True, True, True]
