"""The models' folders, what is refused, and how a run is judged. Real trainings are in tests/training."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import validate
from typer.testing import CliRunner

from envtool.cli.application import app
from envtool.cli.render.models import render_model_run
from envtool.cli.report_format import PlainFormat
from envtool.errors import ModelError
from envtool.models.catalog import SAMPLES, ModelSample, copy_sample, find_sample
from envtool.models.judge import judge_run
from envtool.models.run_model import ModelRequest, run_model
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin
from envtool.verify.verify_images import VerifyRequest, verify_images
from tests.support.environment import TORCH, RealEnvironment

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/models.schema.json").read_text())
PIN = VendorPin((PinnedDistribution(name="torch", version=TORCH),), PinOrigin.GIVEN)
RESNET = find_sample("resnet")
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
TRAINED = {
    "torch": "1.7.1",
    "moreh": "22.8.0",
    "torch_file": "/env/lib/site-packages/torch/__init__.py",
    "device": "cuda:0",
    "device_name": "an accelerator",
    "first_loss": 2.3,
    "last_loss": 0.1,
    "accuracy": 0.98,
    "samples_per_second": 100,
    "answer": [1.0, -20.0, 3.0],
}


@every_sample
def test_a_folder_is_laid_out_as_the_services_own(sample: ModelSample) -> None:
    assert {"train.py", "infer.py", "data.py", "common.py"} <= {path.name for path in sample.folder.iterdir()}
    assert (sample.folder / "common.py").read_bytes() == (RESNET.folder / "common.py").read_bytes()


@every_sample
def test_scripts_are_of_python_3_8(sample: ModelSample) -> None:
    for path in sample.folder.glob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_the_text_is_korean(name: str) -> None:
    text = (find_sample(name).folder / "text.txt").read_text(encoding="utf-8")
    assert sum("가" <= character <= "힣" for character in text) > len(text) / 2


@every_sample
def test_it_is_fetched_whole(sample: ModelSample, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "get", sample.name, str(tmp_path / "mine")])
    assert (result.exit_code, result.output.strip()) == (0, str(tmp_path / "mine"))
    names = {path.name for path in sample.folder.iterdir()} - {"__pycache__"}
    assert {path.name for path in (tmp_path / "mine").iterdir()} == names


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/train.py").write_text("mine")
    with pytest.raises(ModelError, match="is there already"):
        copy_sample(RESNET, tmp_path / "own")
    assert (tmp_path / "own/train.py").read_text() == "mine"
    with pytest.raises(ModelError, match="cannot be written"):
        copy_sample(RESNET, tmp_path / "own/train.py/below")


def test_they_are_listed() -> None:
    result = CliRunner().invoke(app, ["models", "list"])
    assert [line.split()[0] for line in result.output.splitlines()] == ["resnet", "gpt", "bert", "dcgan"]


def test_a_model_that_there_is_none_of() -> None:
    with pytest.raises(ModelError, match="there are resnet, gpt"):
        run_model(ModelRequest(name="alexnet"))
    with pytest.raises(ModelError, match="there are resnet, gpt"):
        verify_images(VerifyRequest(references=("hac-base",), model="alexnet"))


def test_a_stand_in_is_refused_as_one_that_cannot_compute(environment: RealEnvironment) -> None:
    outcome = environment.envtool("models", "run", "resnet", "--prefix", str(environment.path))
    assert outcome.status == ModelError.exit_status
    assert "a stand-in, which cannot compute" in outcome.err


def test_no_torch_at_all(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty")], check=True)
    with pytest.raises(ModelError, match="No module named 'torch'"):
        run_model(ModelRequest(name="resnet", prefix=tmp_path / "empty"))


@pytest.mark.parametrize(
    ("torch", "why"),
    [
        ("raise OSError('libcudart.so.11.0: cannot open shared object file')", "libcudart"),
        ("import os; os.kill(os.getpid(), 11)", "signal 11"),
        ("nn = tensor = 1; __version__ = '9'", "train.py did not come to its end"),
    ],
    ids=["fails", "crashes", "has only names"],
)
def test_a_torch_that_does_not_work(tmp_path: Path, torch: str, why: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bad")], check=True)
    (site,) = (tmp_path / "bad/lib").glob("python*/site-packages")
    (site / "torch.py").write_text(torch)
    with pytest.raises(ModelError) as caught:
        run_model(ModelRequest(name="resnet", prefix=tmp_path / "bad"))
    assert why in str(caught.value)


def test_options_that_make_no_sense_together() -> None:
    assert CliRunner().invoke(app, ["models", "run", "gpt", "--image", "x", "--prefix", "/"]).exit_code == 2
    assert CliRunner().invoke(app, ["verify", "x", "--static", "--run-model", "gpt"]).exit_code == 2


def judge(pin: VendorPin | None = PIN, loaded: list[float] | None = None, **changes: object) -> list[bool | None]:
    trained = {**TRAINED, **changes}
    answer = loaded if loaded is not None else trained["answer"]
    run = judge_run(RESNET, trained, {"answer": answer}, pin, root="/env/lib/site-packages")
    assert run.passed == (False not in [check.passed for check in run.checks])
    return [check.passed for check in run.checks]


def test_a_model_that_learns() -> None:
    assert judge() == [True, True, True, True]
    assert judge(torch=TORCH, moreh=None) == [True, True, True, True]
    assert judge(pin=None) == [None, True, True, True]


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (0, {"torch": "2.13.0", "moreh": None}),
        (0, {"moreh": "22.9.0"}),
        (0, {"torch_file": "/home/me/.local/lib/site-packages/torch/__init__.py"}),
        (1, {"last_loss": 2.2}),
        (1, {"last_loss": float("nan")}),
        (1, {"first_loss": None}),
        (2, {"accuracy": 0.1}),
        (2, {"accuracy": "0.99"}),
        (3, {"loaded": [1.0, -20.0, 9.0]}),
        (3, {"loaded": [1.0, -20.0]}),
        (3, {"loaded": []}),
        (3, {"answer": [float("nan")] * 3}),
    ],
)
def test_a_model_that_does_not(number: int, changes: dict[str, object]) -> None:
    assert judge(**changes) == [index != number for index in range(4)]  # type: ignore[arg-type]


def test_reduced_precision_is_the_same_answer() -> None:
    assert judge(loaded=[1.02, -20.1, 2.97])[3] is True


@pytest.mark.parametrize("changes", [{}, {"moreh": None, "accuracy": 0.1, "samples_per_second": None}])
def test_the_document_is_as_its_schema_says(changes: dict[str, object]) -> None:
    trained = {**TRAINED, **changes}
    run = judge_run(RESNET, trained, {"answer": trained["answer"]}, PIN, root=None)
    document = json.loads(render_model_run(run, PlainFormat.JSON))
    validate(document, SCHEMA)
    assert document["status"] == ("learns" if run.passed else "failed")
    assert [check["id"] for check in document["checks"]] == ["torch-pinned", "loss-falls", "accuracy", "same-answer"]
    assert [check["passed"] for check in document["checks"]] == [check.passed for check in run.checks]
