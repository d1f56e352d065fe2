"""Trains a model inside an image, as one more check of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import ModelError
from envtool.language import join_messages, tell
from envtool.models.run_model import ModelRequest, run_model
from envtool.verify.result import ImageCheck

if TYPE_CHECKING:
    from envtool.models.judge import ModelRun


def check_model(reference: str, name: str, time_limit: float, project: Path) -> ImageCheck:
    """Whether the model learns there; a torch that cannot compute is an answer as well."""
    title = tell("the model {name} learns", name=name)
    try:
        run = run_model(ModelRequest(name=name, image=reference, time_limit=time_limit, project=project))
    except ModelError as error:
        problem = str(error)
        return ImageCheck(f"model-{name}", title, False, problem, (problem,))
    problems: tuple[str, ...] = tuple(
        join_messages(": ", (check.title, check.detail)) for check in run.checks if check.passed is False
    )
    return ImageCheck(f"model-{name}", title, run.passed, join_messages("\n", _list_lines(run)), problems)


def _list_lines(run: ModelRun) -> list[str]:
    return [run.describe(), *(join_messages(": ", (check.title, check.detail)) for check in run.checks)]
