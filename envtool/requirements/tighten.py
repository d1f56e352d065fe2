"""Takes back what a suggestion changes without need: line by line, until nothing more can be kept as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.resolution import Resolution

# Resolutions that are spent on it; a set of dozens of pins whose every line must change would take minutes.
_ROUNDS = 24
_DEPENDS = re.compile(
    r"(?<![\w.-])([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?((?:[<>=!~]=?[^\s,]+,?)*) depends on (?!one of)([^\s]+)"
)


@dataclass(frozen=True)
class Tightened:
    """A solution in which each of the lines `loose` has to have another version than it asks for.

    `reasons` quote the requirement that is against it, where there is one.
    """

    entries: tuple[DeclaredRequirement, ...]
    loose: frozenset[DeclaredRequirement]
    held: Resolution
    reasons: dict[DeclaredRequirement, str]


def tighten(
    originals: Sequence[DeclaredRequirement],
    loosened: Sequence[DeclaredRequirement],
    held: Resolution,
    resolve: Callable[[Sequence[DeclaredRequirement]], Resolution],
    last: Collection[DeclaredRequirement],
    has_time: Callable[[], bool] = lambda: True,
) -> Tightened:
    """Put lines of the file back in the place of loosened ones, as far as `resolve` still finds a solution.

    `originals` and `loosened` are the same lines, one by one; `held` is the solution of the latter. Those in `last`
    are put back after the others. What is not tried because `has_time` says no, stays loosened.
    """
    current, best, rounds, reasons = list(loosened), held, _ROUNDS, {}
    loose = [number for number, pair in enumerate(zip(originals, loosened, strict=True)) if pair[0] != pair[1]]
    loose.sort(key=lambda number: originals[number] in last)
    # Halves first: of many loosened lines most can stay. That not all of them can is known.
    queue = _halve(loose) if len(loose) > 1 else []
    while queue and rounds > 0 and has_time():
        group = queue.pop(0)
        rounds -= 1
        trial = [originals[number] if number in group else entry for number, entry in enumerate(current)]
        found = resolve(trial)
        if found.unsolvable is None:
            current, best = trial, found
        elif len(group) > 1:
            queue[:0] = _halve(group)
        else:
            reasons[originals[group[0]]] = quote_requirement(found.unsolvable, originals[group[0]].name or "")
    changed = frozenset(original for original, entry in zip(originals, current, strict=True) if original != entry)
    return Tightened(tuple(current), changed, best, reasons)


def _halve(group: list[int]) -> list[list[int]]:
    middle = (len(group) + 1) // 2
    return [group[:middle], group[middle:]]


def quote_requirement(proof: str, name: str) -> str:
    """A requirement that a proof of uv's speaks of and that concerns a distribution, as a reason; else nothing."""
    for parent, version, text in _DEPENDS.findall(proof):
        try:
            requirement = Requirement(text.rstrip(".,"))
        except InvalidRequirement:
            continue
        if name in {normalize_name(parent), normalize_name(requirement.name)} and requirement.specifier:
            known = version.removeprefix("==").rstrip(",") if version.startswith("==") else version.rstrip(",")
            return " ".join(part for part in (parent, known, "requires", str(requirement)) if part)
    return ""
