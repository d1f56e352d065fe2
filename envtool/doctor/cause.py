"""Finds out who installed an intruder: from other distributions' metadata and the installer's records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.language import join_messages, tell
from envtool.wheel.requires import find_requirements_on

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.release.pin import PinnedDistribution


@dataclass(frozen=True)
class ConflictingRequirement:
    """A distribution and what it requires of another."""

    name: str
    version: str
    requirement: str

    def __str__(self) -> str:
        return tell(
            "{name} {version} requires {requirement}",
            name=self.name,
            version=self.version,
            requirement=self.requirement,
        )


def find_conflicting_requirements(
    environment: Environment, pinned: PinnedDistribution, *, met_by: str | None = None
) -> tuple[ConflictingRequirement, ...]:
    """Find every installed distribution that requires another version of `pinned.name` than the pinned one.

    `met_by` is a version that has to meet them: nothing else made an installer choose it.
    """
    return tuple(
        demand
        for demand, requirement in _find_demands(environment, pinned.name)
        if not requirement.specifier.contains(pinned.version, prereleases=True) and _is_met(requirement, met_by)
    )


def find_requirers(
    environment: Environment, name: str, *, met_by: str | None = None
) -> tuple[ConflictingRequirement, ...]:
    """Find every installed distribution that requires `name`, in any version, or so that a version meets it."""
    return tuple(demand for demand, requirement in _find_demands(environment, name) if _is_met(requirement, met_by))


def _is_met(requirement: Requirement, version: str | None) -> bool:
    try:
        return version is None or requirement.specifier.contains(version, prereleases=True)
    except ValueError:
        # An installed version that is none.
        return True


def _find_demands(environment: Environment, name: str) -> Iterator[tuple[ConflictingRequirement, Requirement]]:
    for item in environment.distributions:
        for requirement in find_requirements_on(item.requires(), name):
            yield ConflictingRequirement(item.name, item.version, str(requirement)), requirement


_ASKED_FOR = tell("it was asked for by name (the REQUESTED record is there)")


def is_requested_by_name(item: Distribution) -> bool:
    """Whether the records show that a person named it when it was installed."""
    # uv writes REQUESTED for everything that it installs, so from uv it says nothing.
    return item.requested and item.installer != "uv"


def explain_request(item: Distribution, demands: Sequence[ConflictingRequirement]) -> str | None:
    """Why somebody installed it: because of `demands`, or by name; `None` where the records show neither."""
    if demands:
        return join_messages("; ", (str(demand) for demand in demands))
    return _ASKED_FOR if is_requested_by_name(item) else None


def explain_intruder(environment: Environment, pinned: PinnedDistribution, intruder: Distribution) -> str:
    """Say in one sentence how `intruder` was installed, and no more than the records show."""
    by, when = intruder.installer, _format_time(intruder)
    if intruder.source:
        return tell("{installer} installed it{when} from {source}", installer=by, when=when, source=intruder.source)
    reason = explain_request(intruder, find_conflicting_requirements(environment, pinned, met_by=intruder.version))
    if reason is not None:
        return tell("{installer} installed it{when} because {reason}", installer=by, when=when, reason=reason)
    others = find_requirers(environment, pinned.name)
    if others:
        return tell(
            "{installer} installed it{when} for {names}, which is content with {version}: "
            "an upgrade was asked for, or nothing was pinned"
            if len(others) == 1
            else "{installer} installed it{when} for {names}, which are content with {version}: "
            "an upgrade was asked for, or nothing was pinned",
            installer=by,
            when=when,
            names=", ".join(f"{demand.name} {demand.version}" for demand in others),
            version=pinned.version,
        )
    return tell("{installer} installed it{when}; no installed distribution requires it", installer=by, when=when)


def list_culprits(environment: Environment, pinned: PinnedDistribution, intruder: Distribution) -> tuple[str, ...]:
    """The names of the distributions because of whose requirements `intruder` was installed, as far as records show."""
    if intruder.source:
        return ()
    demands = find_conflicting_requirements(environment, pinned, met_by=intruder.version)
    return tuple(dict.fromkeys(item.name for item in demands))


def _format_time(item: Distribution) -> str:
    """When its records were written, to the minute; empty where that is not known."""
    if item.installed_at is None:
        return ""
    import time

    installed = time.gmtime(item.installed_at)
    return tell(
        " on {date} at {time} UTC", date=time.strftime("%Y-%m-%d", installed), time=time.strftime("%H:%M", installed)
    )
