"""Which instruction changed the guard's settings: the image's SHELL and the variables that hold pip and uv."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.image.read.image import ImageStep, StoredImage

GUARD_PROGRAM = "opt/hac/bin/hac-shell"
GUARD_SHELL = ("/opt/hac/bin/hac-shell", "-c")
CONSTRAINTS = "/etc/hac/constraints.txt"
# What the base image sets, and what a child may set it to without losing the guard.
EXPECTED = {
    "PIP_CONSTRAINT": CONSTRAINTS,
    "UV_CONSTRAINT": CONSTRAINTS,
    "PIP_BUILD_CONSTRAINT": CONSTRAINTS,
    "UV_BUILD_CONSTRAINT": CONSTRAINTS,
}
_GUARD_MODES = ("fail", "restore")


@dataclass(frozen=True)
class SettingChange:
    """A setting that is not as the base has it. `step` made it so, where the history tells."""

    name: str
    before: str
    after: str
    step: ImageStep | None


def find_setting_changes(image: StoredImage) -> Iterator[SettingChange]:
    """The guard's settings that the image as a whole has lost, each with its culprit."""
    shell = tuple(image.container_config.get("Shell") or ())
    # Another shell behind the guard keeps it: ["/opt/hac/bin/hac-shell", "bash", "-o", "pipefail", "-c"].
    if shell[:1] != GUARD_SHELL[:1]:
        step = _find_last(image, re.compile(r"^SHELL\b"), after_first=True)
        yield SettingChange("SHELL", " ".join(GUARD_SHELL), " ".join(shell), step)
    for name, expected in EXPECTED.items():
        value = image.variables.get(name, "")
        if value != expected:
            yield SettingChange(name, expected, value, _find_last(image, _read_setting(name), after_first=True))
    mode = image.variables.get("HAC_GUARD", "fail")
    if mode not in _GUARD_MODES:
        yield SettingChange("HAC_GUARD", "fail", mode, _find_last(image, _read_setting("HAC_GUARD"), after_first=False))


def _read_setting(name: str) -> re.Pattern[str]:
    return re.compile(rf"^ENV\b.*?(?<![\w]){name}[= ]")


def _find_last(image: StoredImage, pattern: re.Pattern[str], *, after_first: bool) -> ImageStep | None:
    """The last instruction that matches; with `after_first` not the base's own, which made it right."""
    found = [step for step in image.steps if pattern.search(step.instruction)]
    if after_first and len(found) < 2:
        return None
    return found[-1] if found else None
