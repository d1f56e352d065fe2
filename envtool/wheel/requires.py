"""Distribution names as they are compared, and what `Requires-Dist` asks for.

Imported by everything, so it imports next to nothing: `envtool doctor` spends most of its time on imports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_SEPARATORS = re.compile(r"[-_.]+")


def normalize_name(name: str) -> str:
    """A distribution's name as names are compared (PEP 503).

    `packaging.utils` has the same, and takes longer to import than all of a healthy environment takes to read.
    """
    return _SEPARATORS.sub("-", name).lower()


def find_requirements_on(requires_dist: Iterable[str], name: str) -> Iterator[Requirement]:
    """The entries of `Requires-Dist` that concern `name` and need no extra; malformed ones are passed over."""
    # Parsing is dear and almost all entries concern something else.
    candidates = [text for text in requires_dist if normalize_name(text).startswith(name)]
    if not candidates:
        return
    from packaging.requirements import InvalidRequirement, Requirement

    for text in candidates:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if normalize_name(requirement.name) == name and _is_applicable(requirement):
            yield requirement


_PROJECT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r";.*\bextra\s*==")


def list_required_names(requires_dist: Iterable[str], *, with_extras: bool) -> Iterator[str]:
    """The names in `Requires-Dist` (PEP 508), whatever their other markers say; `with_extras`: an extra's as well."""
    for line in requires_dist:
        match = _PROJECT.match(line)
        if match is not None and (with_extras or not _EXTRA.search(line)):
            yield normalize_name(match[1])


def _is_applicable(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
