"""Whether a model has learnt: from the reports of its training and of a new process that loads it; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envtool.language import Message, tell
from envtool.release.read_profile import load_default_profile

if TYPE_CHECKING:
    from envtool.models.catalog import ModelSample
    from envtool.release.pin import VendorPin

# A model that learns ends far below; one that does not stays where it was.
_LEAST_FALL = 0.7
# Of the largest number of an answer. Reduced precision errs by hundredths, another model by far more.
_TOLERANCE = 0.05


@dataclass(frozen=True)
class ModelCheck:
    """One question about a run. `passed` is `None` where it cannot be answered."""

    id: str
    title: str
    passed: bool | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class ModelRun:
    """What came of a run: where it computed, how fast, and the answers to the questions.

    `torch` is its version, `release` the vendor's where torch tells it; `device` such as `cuda:0`, with its name.
    """

    name: str
    torch: str
    release: str | None
    device: str
    device_name: str
    samples_per_second: float
    checks: tuple[ModelCheck, ...]

    def describe(self) -> Message:
        """Where it computed, and how fast, for people."""
        torch: str = self.torch
        if self.release:
            torch = tell("{torch} of release {release}", torch=self.torch, release=self.release)
        return tell(
            "torch {torch} on {device} ({name}), {speed:.1f} samples/s",
            torch=torch,
            device=self.device,
            name=self.device_name,
            speed=self.samples_per_second,
        )

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed is not False for check in self.checks)


def judge_run(
    sample: ModelSample, trained: dict[str, Any], loaded: dict[str, Any], pin: VendorPin | None, *, root: str | None
) -> ModelRun:
    """`trained` and `loaded` are the two reports. `root` is the folder that torch must be imported from, if known."""
    checks = (
        _check_torch(trained, pin, root),
        _check_loss(trained),
        *_check_accuracy(sample, trained),
        _check_answer(trained, loaded),
    )
    release = _read_release(trained)
    return ModelRun(
        name=sample.name,
        torch=str(trained.get("torch")),
        release=str(release) if release else None,
        device=str(trained.get("device")),
        device_name=str(trained.get("device_name")),
        samples_per_second=_number(trained.get("samples_per_second")),
        checks=checks,
    )


def _read_release(trained: dict[str, Any]) -> object:
    """What the vendor's torch says its release is; the report has it under the word of the label."""
    return trained.get(load_default_profile().label or "release")


def _check_torch(trained: dict[str, Any], pin: VendorPin | None, root: str | None) -> ModelCheck:
    id, title = "torch-pinned", tell("torch is the pinned one")
    version, file = str(trained.get("torch")), str(trained.get("torch_file"))
    if pin is None:
        return ModelCheck(id, title, None, tell("{version}; nothing here pins a vendor torch", version=version))
    if root is not None and not file.startswith(f"{root.rstrip('/')}/"):
        return ModelCheck(
            id, title, False, tell("it was imported from {file}, outside of {folder}", file=file, folder=root)
        )
    is_right = pin.is_reported_as(version, _read_release(trained))
    return ModelCheck(
        id,
        title,
        is_right,
        version if is_right else tell("{version}; pinned is {pinned}", version=version, pinned=pin.torch.version),
    )


def _check_loss(trained: dict[str, Any]) -> ModelCheck:
    first, last = _number(trained.get("first_loss")), _number(trained.get("last_loss"))
    # Not a number is no fall.
    return ModelCheck(
        "loss-falls",
        tell("the loss falls"),
        last <= first * _LEAST_FALL,
        tell("from {first:.4g} to {last:.4g}", first=first, last=last),
    )


def _check_accuracy(sample: ModelSample, trained: dict[str, Any]) -> Iterator[ModelCheck]:
    if sample.least_accuracy is not None:
        accuracy = _number(trained.get("accuracy"))
        text = tell("{accuracy:.3f}, at least {least}", accuracy=accuracy, least=sample.least_accuracy)
        yield ModelCheck("accuracy", tell("it is right often enough"), accuracy >= sample.least_accuracy, text)


def _check_answer(trained: dict[str, Any], loaded: dict[str, Any]) -> ModelCheck:
    before, after = ([_number(item) for item in _list(report.get("answer"))] for report in (trained, loaded))
    id, title = "same-answer", tell("the saved model answers the same in a new process")
    if not before or len(before) != len(after):
        return ModelCheck(
            id, title, False, tell("{before} numbers before, {after} after", before=len(before), after=len(after))
        )
    largest = max(map(abs, before))
    difference = max(abs(one - other) for one, other in zip(before, after, strict=True))
    return ModelCheck(
        id,
        title,
        difference <= _TOLERANCE * max(largest, 1e-6),
        tell("they differ by {difference:.2g}", difference=difference),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float:
    """A number of a report, which somebody else's program wrote."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else math.nan
