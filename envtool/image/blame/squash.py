"""Finds the likely one among instructions that were squashed into one layer, by their words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from envtool.release.read_profile import load_service

if TYPE_CHECKING:
    from envtool.image.read.image import ImageStep, StoredImage

# How `docker build --squash` records the layer that takes the place of several.
_MERGED = re.compile(r"^merge sha256:")
_TOOL = re.compile(rf"\b(?:pip3?|uv|conda|mamba|micromamba|poetry|pipenv|{load_service().update}|setup\.py)\b")
_ACT = re.compile(r"\b(?:install|uninstall|add|sync|remove|update|upgrade)\b")


def is_squashed(step: ImageStep) -> bool:
    """Whether a step stands for several instructions."""
    return _MERGED.match(step.comment) is not None


def find_likely_step(image: StoredImage, step: ImageStep, name: str, demanding: Sequence[str]) -> ImageStep | None:
    """Of the steps squashed into `step`, the one whose words speak most for a change of the distribution `name`."""
    merged = [item for item in image.steps if item.number < step.number and item.layer is None]
    scored = [(_score(item.instruction, name, demanding), item.number, item) for item in merged]
    best = max(scored, key=lambda row: row[:2], default=None)
    return best[2] if best is not None and best[0] else None


def _score(instruction: str, name: str, demanding: Sequence[str]) -> int:
    if not instruction.startswith(("RUN ", "COPY ", "ADD ")):
        return 0
    words = instruction.lower()
    score = 2 * bool(_TOOL.search(words) and _ACT.search(words)) + bool(_TOOL.search(words))
    score += 4 * bool(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words))
    return score + 3 * any(re.search(rf"(?<![\w-]){re.escape(item)}(?![\w-])", words) for item in demanding)
