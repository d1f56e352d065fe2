"""What the readers of dependency files share."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from envtool.documents import parse_json
from envtool.documents import parse_toml as parse_toml_text
from envtool.errors import RequirementsError
from envtool.language import join_messages, tell
from envtool.requirements.model import DeclaredRequirement, RequirementSet, Role, Section, SourceLocation
from envtool.wheel.requires import normalize_name


def parse_requirement(
    text: str, place: SourceLocation, *, group: str | None = None, role: Role = Role.REQUIREMENT
) -> DeclaredRequirement:
    """An entry from a dependency specifier (PyPA specifications, "Dependency specifiers").

    Raises `RequirementsError` with the line.
    """
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        why = str(error).splitlines()[0]
        raise make_line_error(place, tell("{text!r} is not a requirement", text=text.strip()), why) from error
    return DeclaredRequirement(
        location=place,
        source_text=text,
        name=normalize_name(requirement.name),
        specifier=requirement.specifier,
        extras=tuple(sorted(requirement.extras)),
        marker=requirement.marker,
        link=requirement.url,
        group=group,
        role=role,
    )


def make_project_set(path: Path) -> RequirementSet:
    """The set of what installing the project of a file asks for, which its build back end has to tell."""
    why = tell("what {name} requires is told by its build back end only", name=path.parent.absolute().name)
    return RequirementSet(path=path, unresolved=(why,), project=path.parent.absolute())


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """A TOML document. Raises `RequirementsError` with the line that it breaks on."""
    try:
        return parse_toml_text(text)
    except ValueError as error:
        raise make_file_error(path, tell("{path} is not TOML", path=path), str(error)) from error


def parse_json_table(text: str, path: Path) -> dict[str, Any]:
    """A JSON object. Raises `RequirementsError`."""
    try:
        table = parse_json(text)
    except ValueError as error:
        raise make_file_error(path, tell("{path} is not JSON", path=path), str(error)) from error
    if not isinstance(table, dict):
        raise make_form_error(path, tell("the document is not an object"))
    return table


def make_line_error(place: SourceLocation, what: str, why: str) -> RequirementsError:
    """The error for a line that cannot be read."""
    return RequirementsError(join_messages(": ", (str(place), what)), why=why, remedy=place.edit_command)


def make_file_error(path: Path, what: str, why: str) -> RequirementsError:
    """The error for a file that cannot be read, where no line is to blame; `what` names it."""
    return RequirementsError(what, why=why, remedy=f"${{EDITOR:-vi}} {path}")


def make_form_error(path: Path, why: str) -> RequirementsError:
    """The error for a file that can be parsed, but is not what its name says."""
    return make_file_error(path, tell("{path} does not have the form of its kind", path=path), why)


def describe_missing(path: Path, section: Section, names: Collection[str], known: Collection[str]) -> str:
    """That a file has none of its extras, or groups, by some names; and which it has."""
    missing = ", ".join(sorted(names))
    there = tell("there are {names}", names=", ".join(sorted(known))) if known else tell("there are none")
    if section is Section.GROUP:
        return tell("{path} has no dependency group {group}: {there}", path=path, group=missing, there=there)
    return tell("{path} has no extra {extra}: {there}", path=path, extra=missing, there=there)


def get_table(table: Any, *keys: str) -> dict[str, Any]:
    """A table inside of tables, or an empty one."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def get_tables(table: Any, key: str) -> list[dict[str, Any]]:
    """A list of tables; what is in it that is none is left out."""
    rows = table.get(key) if isinstance(table, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def get_strings(value: object, path: Path, what: str) -> list[str]:
    """A list of strings, an empty one for nothing. Raises `RequirementsError`."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise make_form_error(path, tell("{name} is not a list of strings", name=what))
    return value
