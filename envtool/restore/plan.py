"""What a restore will do. Pure: it reads the environment that was read before, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from envtool.doctor.findings import Report, Severity
from envtool.environment.distribution import Distribution
from envtool.environment.leftover import leftover_of
from envtool.environment.reader import Environment
from envtool.vendor.choose import Choice
from envtool.vendor.names import TOP_LEVEL_NAMES
from envtool.vendor.pin import VendorPin
from envtool.vendor.version import same_build
from envtool.vendor.wheel import StoredWheel


@dataclass(frozen=True)
class Replacement:
    """One distribution to put in place of whatever is there.

    `remove` are the files and whole folders that the present versions own inside the prefix.
    """

    name: str
    wheel: StoredWheel
    present: tuple[str, ...]
    reasons: tuple[str, ...]
    remove: tuple[Path, ...]


@dataclass(frozen=True)
class RestorePlan:
    """Everything a restore will do, and what it leaves alone and why."""

    environment: Environment
    pin: VendorPin
    keep: tuple[str, ...]
    replacements: tuple[Replacement, ...]
    leftovers: tuple[Path, ...]
    left_alone: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.replacements and not self.leftovers


def plan_restore(report: Report, choice: Choice, *, force: bool = False) -> RestorePlan:
    """Plan from a report that was made against `choice.pin`. `force` replaces what is healthy too."""
    environment = report.environment
    keep: list[str] = []
    replacements: list[Replacement] = []
    left_alone: list[str] = []
    for pinned in choice.pin.distributions:
        reasons = tuple(item.id for item in report.findings if item.distribution == pinned.name)
        installed = environment.find(pinned.name)
        if not reasons and not force:
            keep.append(f"{pinned.name} {pinned.version}")
            continue
        inside, outside = _owned(environment, installed, choice)
        left_alone += [f"{path}: outside the environment, though RECORD names it" for path in outside]
        replacements.append(
            Replacement(
                pinned.name,
                choice.wheels[pinned.name],
                tuple(item.version for item in installed),
                reasons or ("forced",),
                inside,
            )
        )
    # What a restore does not mend by putting wheels in place: another copy first on the path, idle CUDA wheels.
    left_alone += [
        f"{item.title}; type: {item.remedy}"
        for item in report.findings
        if item.distribution is None and item.severity is not Severity.NOTE and item.id != "restore-interrupted"
    ]
    leftovers = tuple(path for path in environment.leftovers if leftover_of(path.name, TOP_LEVEL_NAMES))
    return RestorePlan(environment, choice.pin, tuple(keep), tuple(replacements), leftovers, tuple(left_alone))


def _owned(
    environment: Environment, installed: Iterable[Distribution], choice: Choice
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """What the installed versions of one distribution own, folders whole where nobody else has files in them."""
    inside: dict[Path, None] = {}
    outside: list[str] = []
    for item in installed:
        inside[item.path] = None
        record = item.record()
        rows = record.rows if record else ()
        tops = {row.path.split("/", 1)[0] for row in rows if "/" in row.path and not _leaves(row.path)}
        whole = {top for top in tops if not _shared(environment, top, choice)}
        for row in rows:
            top = row.path.split("/", 1)[0]
            if top in whole:
                inside[item.site_packages / top] = None
                continue
            path = Path(os.path.normpath(item.site_packages / row.path))
            if path.is_relative_to(environment.prefix.path) and ".." not in path.parts:
                inside[path] = None
            else:
                outside.append(row.path)
    return tuple(inside), tuple(outside)


def _leaves(path: str) -> bool:
    return path.startswith(("/", "../")) or "/../" in path or path.startswith("./")


def _shared(environment: Environment, top: str, choice: Choice) -> bool:
    """Whether a distribution that stays has files below `site-packages/<top>`."""
    return any(True for _ in foreign_files(environment, top, {item.name for item in choice.pin.distributions}))


def foreign_files(environment: Environment, top: str, replaced: Iterable[str]) -> Iterator[str]:
    """The RECORD paths below `top` that belong to distributions other than `replaced`."""
    leaving = set(replaced)
    # Most RECORDs do not mention the folder at all; a search in the bytes is far cheaper than parsing.
    needle = f"{top}/".encode()
    for item in environment.distributions:
        if item.name in leaving:
            continue
        data = item.read("RECORD")
        if data is None or not (data.startswith(needle) or b"\n" + needle in data):
            continue
        record = item.record()
        yield from (row.path for row in (record.rows if record else ()) if row.path.startswith(f"{top}/"))


def render_plan(plan: RestorePlan) -> str:
    """The plan as a person reads it."""
    lines = [f"{plan.environment.prefix.path}: pinned {plan.pin.version} ({plan.pin.origin.value})"]
    lines += [f"  keep      {text}" for text in plan.keep]
    for item in plan.replacements:
        before = ", ".join(item.present) or "nothing"
        same = len(item.present) == 1 and same_build(item.present[0], item.wheel.name.version)
        verb = "reinstall" if same else "replace"
        lines.append(f"  {verb:<9} {item.name}: {before} -> {item.wheel.name.version}   ({', '.join(item.reasons)})")
    lines += [f"  remove    {path.name}   (left behind by a broken-off install)" for path in plan.leftovers]
    lines += [f"  leave     {text}" for text in plan.left_alone]
    if plan.is_empty:
        lines.append("  nothing to do")
    return "\n".join(lines)
