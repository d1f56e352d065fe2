"""What a guarded install will do, and the steps from staged files to installed ones. Pure, but for listing folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.owned_files import PathBoundary, find_owned_files, refuse_foreign_commands
from envtool.errors import InstallError
from envtool.language import tell
from envtool.requirements.resolution import UNKNOWN_VERSION, VersionChange
from envtool.transaction.journal import JournalStep, order_steps
from envtool.transaction.move import Move

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin
    from envtool.requirements.model import DeclaredRequirement


@dataclass(frozen=True, kw_only=True)
class InstallPlan:
    """The changes of an install, the lines that stage what comes, and the files of what goes.

    Of `proven_names` the pinned version must meet what the new distributions require, as their own metadata says.
    """

    environment: Environment
    pin: VendorPin
    changes: tuple[VersionChange, ...]
    lines: tuple[str, ...]
    removals: tuple[Path, ...]
    proven_names: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether everything that was asked for is there already."""
        return not self.changes


def plan_install(
    environment: Environment, pin: VendorPin, entries: Sequence[DeclaredRequirement], changes: Sequence[VersionChange]
) -> InstallPlan:
    """Plan from what was resolved with torch pinned. Raises `InstallError` where something cannot be uninstalled."""
    bounds = PathBoundary.of(environment.prefix)
    leaving = [change.name for change in changes if change.before is not None]
    removals = [path for name in leaving for path in _list_files(environment, name, bounds)]
    by_name = {entry.name: entry for entry in entries}
    lines = [_format_change(change, by_name.get(change.name)) for change in changes if change.after is not None]
    # A project whose name only building tells is there under a name that no entry has.
    nameless = [entry.format_line() for entry in entries if entry.name is None]
    known = [line for line in lines if line]
    return InstallPlan(
        environment=environment,
        pin=pin,
        changes=tuple(changes),
        lines=(*known, *nameless),
        removals=tuple(removals),
    )


def _format_change(change: VersionChange, entry: DeclaredRequirement | None) -> str:
    if entry is not None and (entry.link is not None or entry.hashes):
        return entry.format_line().split(" ; ")[0] if not entry.hashes else entry.format_line()
    return f"{change.name}=={change.after}" if change.after != UNKNOWN_VERSION else ""


def _list_files(environment: Environment, name: str, bounds: PathBoundary) -> Iterator[Path]:
    for item in environment.find(name):
        owned = find_owned_files(item, bounds)
        if owned is None:
            raise InstallError(
                tell("{name} {version} cannot be replaced", name=name, version=item.version),
                why=tell("{name} has no list of its files, so nobody can take them away cleanly", name=item.path.name),
                remedy=tell(
                    "{path}/bin/python -m pip install --force-reinstall {name}=={version}",
                    path=environment.prefix.path,
                    name=name,
                    version=item.version,
                ),
            )
        yield from owned.inside


def make_steps(plan: InstallPlan, staged: Path) -> tuple[JournalStep, ...]:
    """The steps that put what was staged below the prefix `staged` in place. Raises `InstallError`."""
    prefix = plan.environment.prefix
    places = tuple(_list_moves(prefix, staged))
    _refuse_collisions(plan, places)
    refuse_foreign_commands(prefix, (place.final for place in places))
    return order_steps(plan.removals, places)


def _list_moves(prefix: Prefix, staged: Path) -> Iterator[Move]:
    version = f"python{prefix.python[0]}.{prefix.python[1]}"
    for library in ("lib", "lib64"):
        yield from _find_moves(staged / library / version / "site-packages", prefix.site_packages)
    yield from _find_moves(staged / "bin", prefix.scripts)
    for entry in sorted(staged.iterdir()):
        if entry.name not in {"lib", "lib64", "bin", ".lock", "pyvenv.cfg"}:
            final = prefix.path / entry.name
            yield from _find_moves(entry, final) if entry.is_dir() and final.is_dir() else (Move(entry, final),)


def _find_moves(staged: Path, final: Path) -> Iterator[Move]:
    """Folders that are new as a whole, the rest file by file, so that each step can be taken back."""
    if not staged.is_dir():
        return
    for entry in sorted(staged.iterdir()):
        target = final / entry.name
        if entry.is_dir() and not entry.is_symlink() and target.is_dir():
            yield from _find_moves(entry, target)
        else:
            yield Move(entry, target)


def _refuse_collisions(plan: InstallPlan, places: Sequence[Move]) -> None:
    """No file of the vendor's distributions may be written over, whatever the new wheels bring."""
    bounds = PathBoundary.of(plan.environment.prefix)
    for place in places:
        if not bounds.contains(place.final):
            raise InstallError(
                tell(
                    "one of the new distributions would write {final}, which is a part of the environment itself",
                    final=place.final,
                ),
                why="; ".join(plan.lines),
                remedy=tell("leave the distribution out that has this file"),
            )
    finals = {str(place.final): place for place in places}
    for pinned in plan.pin.distributions:
        for item in plan.environment.find(pinned.name):
            record = item.record()
            for row in record.rows if record is not None else ():
                path = os.path.normpath(item.site_packages / row.path)
                if path in finals:
                    raise InstallError(
                        tell(
                            "one of the new distributions would write over {name}'s {path}",
                            name=pinned.name,
                            path=row.path,
                        ),
                        why="; ".join(plan.lines),
                        remedy=tell("leave the distribution out that has this file"),
                    )
