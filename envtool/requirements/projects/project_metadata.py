"""What a project says that it requires: from its files where they tell it, else from metadata that was made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.requirements.readers.common import get_table, parse_toml
from envtool.requirements.readers.poetry import get_parser_error
from envtool.requirements.text_file import read_text
from envtool.wheel.requires import normalize_name

# Stands for a version that only a build would tell.
NO_VERSION = "0"
_POETRY = frozenset({"poetry.core.masonry.api", "poetry.masonry.api"})


@dataclass(frozen=True, kw_only=True)
class ProjectMetadata:
    """The core metadata that an installer goes by (PyPA specifications, "Core metadata")."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requires_python: str = ""

    def format(self) -> str:
        """As METADATA of a wheel."""
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        lines += [f"Requires-Python: {self.requires_python}"] if self.requires_python else []
        lines += [f"Provides-Extra: {extra}" for extra in self.extras]
        lines += [f"Requires-Dist: {line}" for line in self.requires]
        return "\n".join(lines) + "\n"


def parse_metadata(data: bytes) -> ProjectMetadata | None:
    """METADATA or PKG-INFO, or `None` for what is neither."""
    from packaging.metadata import parse_email

    # A README of any length follows the first blank line.
    raw = parse_email(data.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0])[0]
    if not raw.get("name") or not raw.get("version"):
        return None
    return ProjectMetadata(
        name=normalize_name(raw["name"]),
        version=raw["version"],
        requires=tuple(raw.get("requires_dist", ())),
        extras=tuple(raw.get("provides_extra", ())),
        requires_python=raw.get("requires_python", ""),
    )


def read_static_metadata(folder: Path) -> ProjectMetadata | None:
    """What a project's pyproject.toml tells without running anything; `None` where a build has to tell it.

    Raises `RequirementsError` for one that cannot be read.
    """
    path = folder / "pyproject.toml"
    if not path.is_file():
        return None
    table = parse_toml(read_text(path), path)
    if "project" in table:
        return _read_project_table(table)
    if get_table(table, "build-system").get("build-backend") in _POETRY:
        return _read_poetry_table(folder)
    return None


def _read_project_table(table: Mapping[str, Any]) -> ProjectMetadata | None:
    """PEP 621: what is not named in `dynamic` is all there is."""
    project = get_table(table, "project")
    dynamic = project.get("dynamic", [])
    if not isinstance(dynamic, list) or {"dependencies", "optional-dependencies"} & {str(item) for item in dynamic}:
        return None
    name, dependencies = project.get("name"), project.get("dependencies", [])
    extras = get_table(project, "optional-dependencies")
    if not isinstance(name, str) or not _is_list_of_strings([dependencies, *extras.values()]):
        return None
    requires = list(dependencies)
    for extra, lines in extras.items():
        requires += [_add_extra(line, extra) for line in lines]
    version, python = project.get("version"), project.get("requires-python")
    return ProjectMetadata(
        name=normalize_name(name),
        version=version if isinstance(version, str) else NO_VERSION,
        requires=tuple(requires),
        extras=tuple(extras),
        requires_python=python if isinstance(python, str) else "",
    )


def _is_list_of_strings(values: list[Any]) -> bool:
    return all(isinstance(value, list) and all(isinstance(item, str) for item in value) for value in values)


def _add_extra(line: str, extra: str) -> str:
    """A requirement that only an extra makes."""
    requirement, mark, marker = line.partition(";")
    # A semicolon in an address is a part of it, unless there is a blank before.
    if mark and "@" in requirement and not requirement.endswith((" ", "\t")):
        requirement, marker = line, ""
    condition = f'extra == "{extra}"'
    return f"{requirement.strip()} ; ({marker.strip()}) and {condition}" if marker else f"{line.strip()} ; {condition}"


def _read_poetry_table(folder: Path) -> ProjectMetadata | None:
    """As Poetry's own back end would say it, by that back end's library, which runs nothing of the project."""
    from poetry.core.factory import Factory
    from poetry.core.version.helpers import format_python_constraint

    try:
        package = Factory().create_poetry(folder, with_groups=False).package
        kept = [item for item in package.requires if not item.is_optional() or item.in_extras]
        requires = tuple(item.to_pep_508() for item in kept)
        python = format_python_constraint(package.python_constraint) if package.python_versions != "*" else ""
    # The back end itself says in its own words what is wrong.
    except (get_parser_error(), AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError):
        return None
    return ProjectMetadata(
        name=normalize_name(package.name),
        version=package.version.to_string(),
        requires=requires,
        extras=tuple(package.extras),
        requires_python=python,
    )
