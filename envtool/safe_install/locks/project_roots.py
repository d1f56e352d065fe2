"""What a project's pyproject.toml asks for, for a selection: the roots of a lock that does not keep them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from envtool.errors import LockError, UsageError
from envtool.language import tell
from envtool.requirements.model import Section
from envtool.requirements.readers.common import describe_missing, get_table, parse_toml
from envtool.requirements.readers.pyproject import read_pyproject
from envtool.requirements.text_file import read_text
from envtool.safe_install.locks.model import LockedDemand
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.lock_selection import LockSelection
    from envtool.requirements.model import DeclaredRequirement, RequirementSet


def read_project(lock: Path) -> tuple[Path, dict[str, Any]]:
    """The pyproject.toml beside a lock. Raises `LockError` where there is none."""
    file = lock.parent / "pyproject.toml"
    if not file.is_file():
        raise LockError(
            tell("{lock} has no pyproject.toml beside it", lock=lock),
            why=tell("it says which packages are asked for"),
            remedy=f"ls {lock.parent}",
        )
    return file, parse_toml(read_text(file), file)


def list_roots(
    file: Path, table: dict[str, Any], selection: LockSelection, *, skipped_groups: Collection[str]
) -> Iterator[LockedDemand]:
    """What is asked for, each with who asks. `skipped_groups` are those that only `--group` brings.

    Raises `UsageError` for an extra or a group that there is not.
    """
    sets = read_pyproject(file).sets
    legacy = get_table(table, "tool", "poetry", "extras")
    extras = {normalize_name(item.name) for item in sets if item.section is Section.EXTRA} | {
        normalize_name(name) for name in legacy
    }
    groups = {normalize_name(item.name) for item in sets if item.section is Section.GROUP}
    groups |= {"dev" for item in sets if item.name == "tool.uv.dev-dependencies"}
    groups |= {normalize_name(name) for name in get_table(table, "tool", "pdm", "dev-dependencies")}
    refuse_unknown(file, Section.EXTRA, {normalize_name(name) for name in selection.extras} - extras, extras)
    named = {normalize_name(name) for name in (*selection.groups, *selection.only_groups, *selection.without_groups)}
    refuse_unknown(file, Section.GROUP, named - groups, groups)
    chosen_extras = extras if selection.all_extras else {normalize_name(name) for name in selection.extras}
    optional = _list_optional(table, legacy, chosen_extras)
    name = str(
        get_table(table, "project").get("name") or get_table(table, "tool", "poetry").get("name") or "the project"
    )
    for item in sets:
        group = normalize_name(item.name)
        if item.section is Section.GROUP:
            if _is_chosen(group, selection, skipped_groups):
                yield from _make_demands(item, f"{name} (group {item.name})", ())
        elif item.section is Section.EXTRA:
            if group in chosen_extras and not selection.only_groups:
                yield from _make_demands(item, f"{name}[{item.name}]", ())
        elif not selection.only_groups:
            yield from _make_demands(item, name, optional)


def _is_chosen(group: str, selection: LockSelection, skipped: Collection[str]) -> bool:
    if group in {normalize_name(name) for name in selection.without_groups}:
        return False
    if selection.all_groups or group in {normalize_name(name) for name in (*selection.groups, *selection.only_groups)}:
        return True
    return group not in skipped and not (selection.no_default_groups or selection.only_groups)


def _list_optional(table: dict[str, Any], legacy: dict[str, Any], chosen: Collection[str]) -> set[str]:
    """The dependencies of Poetry's own table that no chosen extra asks for."""
    asked = {
        normalize_name(Requirement(text.split(" (")[0]).name)
        for extra, texts in legacy.items()
        if normalize_name(extra) in chosen
        for text in texts
        if isinstance(text, str)
    }
    stated = get_table(table, "tool", "poetry", "dependencies")
    rows = {name: value if isinstance(value, list) else [value] for name, value in stated.items()}
    optional = {
        normalize_name(name)
        for name, values in rows.items()
        if any(isinstance(value, dict) and value.get("optional") for value in values)
    }
    return optional - asked


def _make_demands(item: RequirementSet, parent: str, left_out: Collection[str]) -> Iterator[LockedDemand]:
    for entry in item.requirements:
        if entry.name is not None and entry.name not in left_out:
            yield LockedDemand(parent=parent, requirement=make_requirement(entry))


def make_requirement(entry: DeclaredRequirement) -> Requirement:
    """An entry as `packaging` has it, without the address that it comes from."""
    extras = f"[{','.join(entry.extras)}]" if entry.extras else ""
    marker = f" ; {entry.marker}" if entry.marker is not None else ""
    return Requirement(f"{entry.name}{extras}{entry.specifier}{marker}")


def refuse_unknown(file: Path, section: Section, unknown: Collection[str], known: Collection[str]) -> None:
    """Raise `UsageError` where a project, or a lock, lacks an extra or a group that was asked for."""
    if unknown:
        raise UsageError(describe_missing(file, section, unknown, known))
