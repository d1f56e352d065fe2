"""What is chosen of a lock, and what comes of it for one environment."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import LockError, UsageError
from envtool.language import tell
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envtool.requirements.model import DeclaredRequirement, RequirementSet
    from envtool.requirements.target import Target


def format_relock(lock: Path) -> str:
    """The command that locks a project anew, for the tool that its lock is of; "" where nothing tells that tool."""
    options = {"uv.lock": "--project", "poetry.lock": "--directory", "pdm.lock": "--project"}
    if lock.name not in options:
        return ""
    return shlex.join([lock.stem, "lock", options[lock.name], str(lock.parent)])


@dataclass(frozen=True, kw_only=True)
class LockedDemand:
    """What a locked package, or the project itself, requires of a distribution that the vendor pins."""

    parent: str
    requirement: Requirement

    def __str__(self) -> str:
        # The marker holds, or the demand would not be here.
        requirement = str(self.requirement).partition(";")[0].strip()
        return tell("{package} requires {requirement}", package=self.parent, requirement=requirement)


@dataclass(frozen=True, kw_only=True)
class LockedSet:
    """What a lock names for one environment and one selection.

    `wanted` is to be installed as it stands. `pinned` are the distributions that the vendor's take the place of, and
    `left_out` the CUDA wheels that only they want. `demands` is what the lock itself tells of requirements on the
    vendor's; `unread` are the packages of which only their metadata tells. `overridden` are names whose requirements
    the project overrides. `passed` are further words for uv.
    """

    path: Path
    wanted: RequirementSet
    pinned: tuple[DeclaredRequirement, ...] = ()
    left_out: tuple[DeclaredRequirement, ...] = ()
    demands: tuple[LockedDemand, ...] = ()
    unread: tuple[DeclaredRequirement, ...] = ()
    overridden: frozenset[str] = frozenset()
    extras: tuple[tuple[str, frozenset[str]], ...] = ()
    passed: tuple[str, ...] = ()


def parse_overrides(texts: Iterable[str]) -> tuple[Requirement, ...]:
    """Requirements as a person gives them. Raises `UsageError`."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return tuple(Requirement(text) for text in texts)
    except InvalidRequirement as error:
        raise UsageError(
            tell("--override takes a requirement, such as 'torch>=2.1'"), why=str(error).splitlines()[0]
        ) from error


def override(locked: LockedSet, stated: Collection[Requirement]) -> LockedSet:
    """The set with requirements that count in the place of all others on the same names."""
    names = {normalize_name(requirement.name) for requirement in stated}
    kept = (demand for demand in locked.demands if normalize_name(demand.requirement.name) not in names)
    added = (LockedDemand(parent="--override", requirement=requirement) for requirement in stated)
    return replace(locked, demands=(*kept, *added), overridden=locked.overridden | names)


def refuse_other_python(path: Path, requires: object, target: Target, remedy: str) -> None:
    """Raise `LockError` where a lock is not for the target's Python."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not isinstance(requires, str):
        return
    try:
        bounds = SpecifierSet(requires)
    except InvalidSpecifier:
        # Poetry's own form (`^3.8`); its packages say one by one which Python they are for.
        return
    if not bounds.contains(target.marker_environment["python_full_version"], prereleases=True):
        raise LockError(
            tell("{path} is not for this environment", path=path),
            why=tell(
                "it is for Python {requires}, and the vendor torch's environment has {python}",
                requires=requires,
                python=target.python,
            ),
            remedy=remedy,
        )
