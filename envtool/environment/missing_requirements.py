"""What an installed distribution requires and the environment has not: told from records alone."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r";.*\bextra\s*==")


def find_missing_requirements(item: Distribution, installed: Container[str], python: tuple[int, ...]) -> Iterator[str]:
    """The requirements of a distribution, as its metadata spells them, of which nothing is installed.

    `installed` are normalised names. Markers count for this system and the environment's Python; extras do not.
    """
    for line in item.requires():
        match = _NAME.match(line)
        if match is None or normalize_name(match[1]) in installed or _EXTRA.search(line):
            continue
        # Only now: an environment that is whole never imports this.
        from packaging.markers import default_environment
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        version = ".".join(str(part) for part in python[:2])
        here = {**default_environment(), "python_version": version, "python_full_version": f"{version}.0", "extra": ""}
        if requirement.marker is None or requirement.marker.evaluate({key: str(text) for key, text in here.items()}):
            requirement.marker = None
            yield str(requirement)
