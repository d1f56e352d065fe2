"""Finds the dependencies that an intruding torch brought and nothing else requires. Reads only.

pip leaves the dependencies of what it uninstalls. An orphan is only what certainly came with the intruder: CUDA's own
wheels, which a vendor torch never uses, and what pip installed in the same run as its dependency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.doctor.cause import is_requested_by_name
from envtool.doctor.checks.cuda_wheels import is_cuda_wheel
from envtool.language import tell
from envtool.release.profile import PINNED_NAMES
from envtool.wheel.requires import list_required_names

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.release.profile import Profile

# Seconds between the records of what one run of pip installed: it downloads everything first.
_ONE_RUN = 900.0


@dataclass(frozen=True)
class Orphan:
    """A dependency of an intruder, and why it is removed or stays."""

    item: Distribution
    why: str


@dataclass(frozen=True)
class Orphans:
    """The dependencies of intruders that are removed, and those that stay."""

    leaving: tuple[Orphan, ...] = ()
    staying: tuple[Orphan, ...] = ()


def find_orphans(
    environment: Environment, intruders: Sequence[Distribution], vendor: Iterable[str], profile: Profile
) -> Orphans:
    """`intruders` are to be replaced or removed; `vendor` are the `Requires-Dist` lines of what replaces them.

    `profile` says which runtime the vendor's torch has no use for.
    """
    installed = {item.name: item for item in environment.distributions}
    replaced = {item.name for item in intruders}
    brought = _find_dependencies(intruders, installed) - replaced
    kept = replaced | {*PINNED_NAMES, *(item.name for item in profile.pinned)}
    candidates = {name for name in installed if name in brought or is_cuda_wheel(name, profile)} - kept
    roots = [item.requires() for name, item in installed.items() if name not in candidates | replaced]
    needed = _follow_requirements([*roots, tuple(vendor)], candidates, installed, with_extras=False)
    wanted = _follow_requirements([*roots, tuple(vendor)], candidates, installed, with_extras=True)
    by = ", ".join(f"{one.name} {one.version}" for one in intruders) or tell("another torch")
    leaving: list[Orphan] = []
    staying: list[Orphan] = []
    for name in sorted(candidates - needed):
        item = installed[name]
        reason = _explain_stay(item, intruders, profile, may_be_wanted=name in wanted)
        if reason:
            staying.append(Orphan(item, reason))
        else:
            leaving.append(Orphan(item, tell("only {by} wanted it", by=by)))
    # What a distribution that stays requires must stay as well.
    required = _follow_requirements(
        [orphan.item.requires() for orphan in staying], candidates, installed, with_extras=False
    )
    return Orphans(tuple(orphan for orphan in leaving if orphan.item.name not in required), tuple(staying))


def _find_dependencies(intruders: Iterable[Distribution], installed: Mapping[str, Distribution]) -> set[str]:
    """The names of everything installed that the intruders require, directly or through others."""
    lines = [item.requires() for item in intruders]
    return _follow_requirements(lines, set(installed), installed, with_extras=True)


def _follow_requirements(
    lines: Iterable[Sequence[str]], among: set[str], installed: Mapping[str, Distribution], *, with_extras: bool
) -> set[str]:
    """The names of `among` that these requirements lead to, directly or through one another."""
    found: set[str] = set()
    waiting = [name for one in lines for name in list_required_names(one, with_extras=with_extras)]
    while waiting:
        name = waiting.pop()
        if name in among and name not in found:
            found.add(name)
            waiting += list_required_names(installed[name].requires(), with_extras=with_extras)
    return found


def _explain_stay(
    item: Distribution, intruders: Sequence[Distribution], profile: Profile, *, may_be_wanted: bool
) -> str:
    if is_requested_by_name(item):
        return tell("it was asked for by name")
    if may_be_wanted:
        return tell("an extra of another distribution may want it")
    if is_cuda_wheel(item.name, profile):
        return ""
    if item.installer != "pip":
        return tell("{installer} does not record whether it was asked for by name", installer=item.installer)
    if not any(_is_same_install(item, intruder) for intruder in intruders):
        return tell("it was there before")
    return ""


def _is_same_install(item: Distribution, intruder: Distribution) -> bool:
    mine, other = item.installed_at, intruder.installed_at
    return mine is not None and other is not None and abs(mine - other) < _ONE_RUN
