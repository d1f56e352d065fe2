"""Trains a model and asks it again in a new process; says whether it has learnt."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.errors import ModelError
from envtool.language import join_messages, tell
from envtool.models.catalog import ModelSample, find_sample
from envtool.models.judge import ModelRun, judge_run
from envtool.models.place import ModelPlace, image_place, local_place

# Seconds for each of the two programs; on two idle processors a training takes less than a minute.
TIME_LIMIT = 600.0
# Seconds for importing torch.
_IMPORT_LIMIT = 300.0
_MODEL, _TRAINED, _LOADED = "model.pt", "trained.json", "loaded.json"
_NO_TORCH, _STAND_IN = 3, 4
# A stand-in has the names of torch and none of what computes.
_LOOK = f"""
import sys
try:
    import torch
except ImportError as error:
    print(error)
    sys.exit({_NO_TORCH})
if getattr(torch, "STAND_IN", False) or not hasattr(torch, "nn") or not hasattr(torch, "tensor"):
    print(torch.__version__)
    sys.exit({_STAND_IN})
"""


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """Which model to run, and where: in `image`, else in the environment of `prefix` or `python`, or the active one.

    `project` is the folder from which the engine is found.
    """

    name: str
    prefix: Path | None = None
    python: Path | None = None
    image: str | None = None
    batch_size: int | None = None
    time_limit: float = TIME_LIMIT
    project: Path = Path()


def run_model(request: ModelRequest) -> ModelRun:
    """Train the model, ask it again, and judge.

    Raises `ModelError` where torch is missing, is a stand-in, or the program fails; as `find_prefix` and the engine do.
    """
    sample = find_sample(request.name)
    with _open_place(sample, request) as place:
        _require_torch(place, request.name)
        size = ["-b", str(request.batch_size)] if request.batch_size is not None else []
        trained = _run_script(
            place, ["train.py", *size, "--save-model", _MODEL, "--report", _TRAINED], _TRAINED, request.time_limit
        )
        loaded = _run_script(
            place, ["infer.py", "--load-model", _MODEL, "--report", _LOADED], _LOADED, request.time_limit
        )
        return judge_run(sample, trained, loaded, place.pin, root=place.root)


def _open_place(sample: ModelSample, request: ModelRequest) -> AbstractContextManager[ModelPlace]:
    if request.image is None:
        return local_place(sample, request.prefix, request.python)
    from envtool.image.engine.client import find_engine

    return image_place(sample, find_engine(request.project), request.image)


def _require_torch(place: ModelPlace, name: str) -> None:
    status, printed = place.run(["-c", _LOOK], _IMPORT_LIMIT)
    last = _last_line(printed)
    if status == _STAND_IN:
        raise ModelError(
            tell("the torch there is a stand-in, which cannot compute"),
            why=tell("it bears the version {last} and has none of torch's code", last=last),
            remedy=tell("envtool models run {name} --prefix DIRECTORY   (an environment with a real torch)", name=name),
        )
    if status == _NO_TORCH:
        raise ModelError(tell("there is no torch to run the model with"), why=last, remedy="envtool doctor")
    if status != 0:
        raise ModelError(
            tell("torch cannot be imported"), why=last or _describe_end(status), remedy="envtool doctor --probe"
        )


def _run_script(place: ModelPlace, arguments: list[str], report: str, time_limit: float) -> dict[str, Any]:
    status, printed = place.run(arguments, time_limit)
    found = place.read_report(report) if status == 0 else {}
    if not found:
        raise ModelError(
            tell("{arguments} did not come to its end", arguments=arguments[0]),
            why=join_messages(": ", (_describe_end(status), _last_line(printed) or tell("it printed nothing"))),
            remedy=tell("envtool doctor --probe; envtool explain --from LOGFILE   (reads what a program printed)"),
        )
    return found


def _describe_end(status: int | None) -> str:
    if status is None:
        return tell("it took too long, or printed too much")
    return tell("exit status {number}", number=status) if status >= 0 else tell("signal {number}", number=-status)


def _last_line(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
