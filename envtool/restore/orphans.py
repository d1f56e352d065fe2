"""What an intruding torch brought along and nothing else wants. Pure.

pip leaves the dependencies of what it uninstalls. Taken away is only what certainly came with the intruder: CUDA's own
wheels, which a vendor torch never uses, and what pip installed together with it for its sake.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from envtool.doctor.cause import is_requested_by_name
from envtool.doctor.checks.cuda_wheels import is_cuda_wheel
from envtool.environment.distribution import Distribution
from envtool.environment.reader import Environment
from envtool.release.profile import PINNED_NAMES
from envtool.wheel.requires import list_required_names

# Seconds between the records of what one run of pip installed: it downloads everything first.
_ONE_RUN = 900.0


@dataclass(frozen=True)
class Orphan:
    """A distribution that goes with the intruder, and why."""

    item: Distribution
    why: str


@dataclass(frozen=True)
class Orphans:
    """What goes, and what was brought along and stays all the same, each with the reason."""

    going: tuple[Orphan, ...] = ()
    staying: tuple[str, ...] = ()


def find_orphans(environment: Environment, intruders: Sequence[Distribution], vendor: Iterable[str]) -> Orphans:
    """`intruders` are to be replaced or removed; `vendor` are the `Requires-Dist` lines of what takes their place."""
    installed = {item.name: item for item in environment.distributions}
    leaving = {item.name for item in intruders}
    brought = _brought(intruders, installed) - leaving
    candidates = {name for name in installed if name in brought or is_cuda_wheel(name)} - leaving - set(PINNED_NAMES)
    roots = [item.requires() for name, item in installed.items() if name not in candidates | leaving]
    needed = _reached([*roots, tuple(vendor)], candidates, installed, with_extras=False)
    wanted = _reached([*roots, tuple(vendor)], candidates, installed, with_extras=True)
    going: list[Orphan] = []
    staying: list[str] = []
    for name in sorted(candidates - needed):
        item = installed[name]
        reason = _reason_to_stay(item, intruders, is_wanted=name in wanted)
        if reason:
            staying.append(f"{name} {item.version}: {reason}")
        else:
            by = ", ".join(f"{one.name} {one.version}" for one in intruders) or "another torch"
            going.append(Orphan(item, f"only {by} wanted it"))
    # What a distribution that stays requires must stay as well.
    kept = {text.split(" ", 1)[0] for text in staying}
    required = _reached([installed[name].requires() for name in kept], candidates, installed, with_extras=False)
    return Orphans(tuple(orphan for orphan in going if orphan.item.name not in required), tuple(staying))


def _brought(intruders: Iterable[Distribution], installed: Mapping[str, Distribution]) -> set[str]:
    """Everything installed that the intruders require, at first hand or through others."""
    lines = [item.requires() for item in intruders]
    return _reached(lines, set(installed), installed, with_extras=True)


def _reached(
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


def _reason_to_stay(item: Distribution, intruders: Sequence[Distribution], *, is_wanted: bool) -> str:
    if is_requested_by_name(item):
        return "it was asked for by name"
    if is_wanted:
        return "an extra of another distribution may want it"
    if is_cuda_wheel(item.name):
        return ""
    if item.installer != "pip":
        return f"{item.installer} does not record whether it was asked for by name"
    if not any(_came_together(item, intruder) for intruder in intruders):
        return "it was there before"
    return ""


def _came_together(item: Distribution, intruder: Distribution) -> bool:
    mine, other = item.installed_at, intruder.installed_at
    return mine is not None and other is not None and abs(mine - other) < _ONE_RUN
