"""Pipfile and Pipfile.lock (pipenv documentation, "Pipfile & Pipfile.lock")."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from envtool.language import tell
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    InstallOptions,
    RequirementSet,
    Section,
    SourceLocation,
)
from envtool.requirements.readers.common import (
    get_strings,
    get_table,
    make_form_error,
    parse_json_table,
    parse_requirement,
    parse_toml,
)
from envtool.requirements.readers.requirements_txt import parse_argument
from envtool.requirements.text_file import LineFinder, read_text

# Keys of the tables that hold the project's settings rather than packages.
_SETTINGS = frozenset({"source", "requires", "pipenv", "scripts"})
_MARKERS = ("sys_platform", "platform_machine", "platform_system", "python_version", "os_name", "implementation_name")


def read_pipfile(path: Path) -> DependencyFile:
    """One set for `packages`, and one for each further category. Raises `RequirementsError`."""
    text = read_text(path)
    table = parse_toml(text, path)
    lines = LineFinder(text)
    categories = {key: value for key, value in table.items() if key not in _SETTINGS and isinstance(value, dict)}
    if not categories and not _SETTINGS & set(table):
        raise make_form_error(path, tell("it has no [packages]"))
    options = _read_sources(table.get("source"))
    sets = []
    for category, wanted in categories.items():
        start = lines.find_match(rf"\s*\[{re.escape(category)}[\].]")
        entries = tuple(_read_entry(name, stated, path, lines, start) for name, stated in wanted.items())
        section, name = _select_section(category, "packages")
        sets.append(RequirementSet(path=path, section=section, name=name, entries=entries, options=options))
    return DependencyFile(path, "Pipfile", tuple(sets))


def _select_section(category: str, main: str) -> tuple[Section, str]:
    return (Section.MAIN, "") if category == main else (Section.TABLE, category)


def _read_entry(name: str, stated: Any, path: Path, lines: LineFinder, start: int) -> DeclaredRequirement:
    place = SourceLocation(path, lines.find_key(name, start))
    row = {"version": stated} if isinstance(stated, str) else stated
    if not isinstance(row, dict):
        raise make_form_error(path, tell("{name} is neither a version nor a table", name=name))
    for key in ("path", "file"):
        if isinstance(row.get(key), str):
            return parse_argument(row[key], place, editable=bool(row.get("editable")))
    version = str(row.get("version", "*"))
    extras = ",".join(get_strings(row.get("extras"), path, f"{name}.extras"))
    link = f" @ git+{row['git']}@{row.get('ref', 'HEAD')}" if "git" in row else ""
    text = f"{name}{f'[{extras}]' if extras else ''}{link or ('' if version == '*' else version)}"
    markers = [f"({row['markers']})"] if row.get("markers") else []
    markers += [f"{key} {row[key]}" for key in _MARKERS if key in row]
    entry = parse_requirement(f"{text} ; {' and '.join(markers)}" if markers else text, place)
    return replace(entry, source_text=version)


def _read_sources(rows: Any) -> InstallOptions:
    """Pipenv's first source is the index, the others come after it."""
    addresses = [
        row["url"] for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict) and "url" in row
    ]
    return InstallOptions(index_url=addresses[0] if addresses else None, extra_index_urls=tuple(addresses[1:]))


def read_pipfile_lock(path: Path) -> DependencyFile:
    """What `pipenv sync` would install: `default` and each further category. Raises `RequirementsError`."""
    text = read_text(path)
    table = parse_json_table(text, path)
    lines = LineFinder(text)
    if not isinstance(table.get("_meta"), dict):
        raise make_form_error(path, tell("it has no _meta"))
    sets = []
    for category, wanted in table.items():
        if category == "_meta" or not isinstance(wanted, dict):
            continue
        start = lines.find_match(rf'\s*"{re.escape(category)}"')
        section, title = _select_section(category, "default")
        entries = []
        for name, row in wanted.items():
            place = SourceLocation(path, lines.find_quoted(name, start))
            version, markers = get_table(row).get("version"), get_table(row).get("markers")
            if version is None:
                entries.append(_read_entry(name, row, path, lines, start))
                continue
            entries.append(parse_requirement(f"{name}{version}{f' ; {markers}' if markers else ''}", place))
        sets.append(RequirementSet(path=path, section=section, name=title, entries=tuple(entries), locked=True))
    return DependencyFile(
        path,
        "Pipfile.lock",
        tuple(sets),
        tell("Pipfile.lock is made from Pipfile: change that, then run `pipenv lock`"),
    )
