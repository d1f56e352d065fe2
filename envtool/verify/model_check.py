"""Trains a model inside an image, as one more check of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import ModelError
from envtool.models.run_model import ModelRequest, run_model
from envtool.verify.result import ImageCheck

if TYPE_CHECKING:
    from envtool.models.judge import ModelRun


def check_model(reference: str, name: str, time_limit: float, project: Path) -> ImageCheck:
    """Whether the model learns there; a torch that cannot compute is an answer as well."""
    title = f"the model {name} learns"
    try:
        run = run_model(ModelRequest(name=name, image=reference, time_limit=time_limit, project=project))
    except ModelError as error:
        problem = f"{error.what}: {error.why}" if error.why else error.what
        return ImageCheck(f"model-{name}", title, False, problem, (problem,))
    problems = tuple(f"{check.title}: {check.detail}" for check in run.checks if check.passed is False)
    return ImageCheck(f"model-{name}", title, run.passed, "\n".join(_list_lines(run)), problems)


def _list_lines(run: ModelRun) -> list[str]:
    return [run.describe(), *(f"{check.title}: {check.detail}" for check in run.checks)]
