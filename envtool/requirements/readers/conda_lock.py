"""Locks of conda's packages beside pip's: conda-lock.yml and pixi.lock.

Sources: conda-lock documentation, "Output formats" (the unified lockfile, version 1); pixi documentation, "Lock file".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from envtool.language import tell
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    RequirementSet,
    Role,
    Section,
    SourceLocation,
)
from envtool.requirements.readers.common import (
    get_table,
    get_tables,
    make_file_error,
    make_form_error,
    parse_requirement,
)
from envtool.requirements.readers.conda_list import read_conda_address
from envtool.requirements.text_file import LineFinder, read_text

# The platform of the accelerator's machines, and what is for every one.
_PLATFORMS = frozenset({"linux-64", "noarch"})
_WHEEL = re.compile(r".*/([A-Za-z0-9][\w.]*)-(\d[\w.!+]*)(?:-[^/]*\.whl|\.tar\.gz|\.zip)(?:[#?].*)?")


def read_conda_lock(path: Path) -> DependencyFile:
    """One set for each category that the lock's packages for Linux are of. Raises `RequirementsError`."""
    document, lines = _load(path)
    rows = get_tables(document, "package")
    if not rows:
        raise make_form_error(path, tell("it has no list called package"))
    found: dict[str, list[DeclaredRequirement]] = {}
    after = 1
    for row in rows:
        name, version = row.get("name"), row.get("version")
        if not isinstance(name, str) or not isinstance(version, str | int | float):
            raise make_form_error(path, tell("a package has no name or no version"))
        after = lines.find_match(rf"\s*-?\s*name: ['\"]?{re.escape(name)}['\"]?\s*$", after)
        if row.get("platform", "linux-64") not in _PLATFORMS:
            continue
        entry = _make_entry(str(row.get("manager", "conda")), name, str(version), SourceLocation(path, after))
        for category in _list_categories(row):
            found.setdefault(category, []).append(entry)
    main = tuple(found.pop("main", ()))
    sets = [RequirementSet(path=path, entries=main, locked=True)]
    sets += [
        RequirementSet(path=path, section=Section.EXTRA, name=name, entries=(*main, *entries), locked=True)
        for name, entries in found.items()
    ]
    why = tell("conda-lock.yml is made from an environment.yml: change that, then run `conda-lock`")
    return DependencyFile(path, "conda-lock.yml", tuple(sets), why)


def _list_categories(row: dict[str, Any]) -> list[str]:
    stated = row.get("category", row.get("categories", "main"))
    return [str(item) for item in stated] if isinstance(stated, list) else [str(stated)]


def read_pixi_lock(path: Path) -> DependencyFile:
    """One set for each environment's packages for Linux. Raises `RequirementsError`."""
    document, lines = _load(path)
    environments = get_table(document, "environments")
    if not environments:
        raise make_form_error(path, tell("it has no environments"))
    versions = {
        str(row[key]): (str(row.get("name", "")), str(row.get("version", "")))
        for row in get_tables(document, "packages")
        for key in ("pypi", "url")
        if isinstance(row.get(key), str)
    }
    finds: dict[str, int] = {}
    for number, text in enumerate(lines.text.splitlines(), 1):
        finds.setdefault(text.strip(), number)
    sets = []
    for name, stated in environments.items():
        entries: list[DeclaredRequirement] = []
        unresolved: list[str] = []
        for row in get_tables(get_table(stated, "packages"), "linux-64"):
            for manager, address in row.items():
                if manager not in {"conda", "pypi"} or not isinstance(address, str):
                    continue
                place = SourceLocation(path, finds.get(f"- {manager}: {address}", 1))
                entry = _read_address(manager, address, versions, place)
                if entry is None:
                    unresolved.append(
                        tell("{place}: which distribution {address} is cannot be told", place=place, address=address)
                    )
                else:
                    entries.append(entry)
        sets.append(
            RequirementSet(
                path=path,
                section=Section.ENVIRONMENT,
                name=str(name),
                entries=tuple(entries),
                unresolved=tuple(unresolved),
                locked=True,
            )
        )
    why = tell("pixi.lock is made from pixi.toml: change that, then run `pixi lock`")
    return DependencyFile(path, "pixi.lock", tuple(sets), why)


def _load(path: Path) -> tuple[Any, LineFinder]:
    import yaml

    text = read_text(path)
    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)), LineFinder(text)  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise make_file_error(path, tell("{path} is not YAML", path=path), " ".join(str(error).split())) from error


def _make_entry(manager: str, name: str, version: str, place: SourceLocation) -> DeclaredRequirement:
    if manager == "pip":
        return parse_requirement(f"{name}=={version}", place)
    return DeclaredRequirement(location=place, source_text=f"{name}={version}", name=name.lower(), role=Role.CONDA)


def _read_address(
    manager: str, address: str, versions: dict[str, tuple[str, str]], place: SourceLocation
) -> DeclaredRequirement | None:
    if manager == "conda":
        return read_conda_address(address, place)
    name, version = versions.get(address, ("", ""))
    if not (name and version) and (match := _WHEEL.fullmatch(address)):
        name, version = match[1], match[2]
    return parse_requirement(f"{name}=={version}", place) if name and version else None
