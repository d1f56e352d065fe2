"""What to do about a selection that uv refuses: extras and groups that conflict, or that there are not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from envtool.errors import UsageError
from envtool.language import tell
from envtool.requirements.lock_selection import LockSelection
from envtool.requirements.model import Section
from envtool.requirements.readers.common import describe_missing, get_table, get_tables
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from pathlib import Path

# As uv.lock names the kinds, beside the package.
_KINDS = {"extra": Section.EXTRA, "group": Section.GROUP}


@dataclass(frozen=True, kw_only=True)
class LockedNames:
    """The extras and groups that there are, of the projects that are installed, each as uv.lock has it.

    `packages` are the projects themselves, `default_groups` those of the groups that need not be asked for.
    """

    packages: tuple[str, ...]
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    default_groups: tuple[str, ...] = ()


def list_names(
    table: dict[str, Any], chosen: Sequence[dict[str, Any]], default_groups: Collection[str] | None
) -> LockedNames:
    """What a lock says of the chosen projects. Where `default_groups` is `None`, all groups are."""
    extras: list[str] = []
    # Groups of a workspace's root that is no project itself.
    groups = list(get_table(table, "manifest", "dependency-groups"))
    for row in chosen:
        provided = get_table(row, "metadata").get("provides-extras")
        extras += [name for name in provided if isinstance(name, str)] if isinstance(provided, list) else []
        extras += get_table(row, "optional-dependencies")
        groups += [*get_table(row, "metadata", "requires-dev"), *get_table(row, "dev-dependencies")]
    there = tuple(dict.fromkeys(groups))
    return LockedNames(
        packages=tuple(row["name"] for row in chosen),
        extras=tuple(dict.fromkeys(extras)),
        groups=there,
        default_groups=tuple(name for name in there if default_groups is None or name in default_groups),
    )


def refuse_unknown_names(file: Path, names: LockedNames, selection: LockSelection) -> None:
    """Raise `UsageError` for an extra or a group that none of the projects has."""
    groups = (*selection.groups, *selection.only_groups, *selection.without_groups)
    for section, asked, there in (
        (Section.EXTRA, selection.extras, names.extras),
        (Section.GROUP, groups, names.groups),
    ):
        known = {normalize_name(name) for name in there}
        missing = {normalize_name(name) for name in asked} - known
        if missing:
            raise UsageError(describe_missing(file, section, missing, known))


def refuse_unknown_packages(lock: Path, members: Iterable[str], selection: LockSelection) -> None:
    """Raise `UsageError` for a `--package` that is none of the workspace's."""
    known = sorted(members)
    for name in selection.packages:
        if normalize_name(name) not in known:
            raise UsageError(
                tell("{lock} is of a workspace without {name}", lock=lock, name=name),
                why=tell("there are {names}", names=", ".join(known)),
            )


def find_remedy(
    table: dict[str, Any], names: LockedNames, selection: LockSelection, place: Path, options: Sequence[str]
) -> str | None:
    """The command that leaves all but one of some extras and groups out that a project declares to conflict.

    `options` are those of the command that was given, but for its selection.
    """
    chosen = list(dict.fromkeys(_list_chosen(names, selection)))
    left_out: list[tuple[str, str]] = []
    for rows in _list_conflicts(table):
        pairs = {
            (kind, normalize_name(row[kind]))
            for row in rows
            for kind in _KINDS
            if row.get("package") in names.packages and isinstance(row.get(kind), str)
        }
        left_out += [pair for pair in chosen if pair in pairs and pair not in left_out][1:]
    if not left_out:
        return None
    command = _leave_out(names, selection, left_out).format_command(place, options)
    if len(left_out) == 1:
        return tell("leave one of them out: {command}", command=command)
    return tell("leave all but one of them out: {command}", command=command)


def _list_chosen(names: LockedNames, selection: LockSelection) -> Iterator[tuple[str, str]]:
    """What is installed, what was asked for by name first."""
    for name in () if selection.only_groups else (*selection.extras, *(names.extras if selection.all_extras else ())):
        yield "extra", normalize_name(name)
    refused = {normalize_name(name) for name in selection.without_groups}
    none = selection.no_default_groups or selection.only_groups
    groups = (
        *selection.groups,
        *selection.only_groups,
        *(names.groups if selection.all_groups else () if none else names.default_groups),
    )
    yield from (("group", name) for name in map(normalize_name, groups) if name not in refused)


def _list_conflicts(table: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    rows = table.get("conflicts")
    for row in rows if isinstance(rows, list) else ():
        yield get_tables({"set": row}, "set")


def _leave_out(names: LockedNames, selection: LockSelection, left_out: Collection[tuple[str, str]]) -> LockSelection:
    """The selection without some of its parts."""

    def select(kind: str, asked: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in asked if (kind, normalize_name(name)) not in left_out)

    extras = {name for kind, name in left_out if kind == "extra"}
    all_extras = selection.all_extras and not extras
    still = LockSelection(no_default_groups=selection.no_default_groups, all_groups=selection.all_groups)
    still = replace(still, only_groups=select("group", selection.only_groups))
    implied = {name for kind, name in _list_chosen(names, still) if kind == "group"}
    refused = [name for kind, name in left_out if kind == "group" and name in implied]
    return replace(
        selection,
        all_extras=all_extras,
        extras=select("extra", names.extras if selection.all_extras and extras else selection.extras),
        groups=select("group", selection.groups),
        only_groups=still.only_groups,
        without_groups=(*selection.without_groups, *refused),
    )
