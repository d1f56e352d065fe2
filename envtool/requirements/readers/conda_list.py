"""Lists of conda's: `conda list`, `conda list --export` and `--explicit`, whatever their file is called.

Source: conda documentation, "Managing environments", "Building identical conda environments".
"""

from __future__ import annotations

import re
from pathlib import Path

from envtool.language import tell
from envtool.requirements.model import DeclaredRequirement, DependencyFile, RequirementSet, Role, SourceLocation
from envtool.requirements.readers.common import parse_requirement

_HEADING = re.compile(
    r"^(?:@EXPLICIT\s*$|# packages in environment at |# This file may be used to create an environment using)",
    re.MULTILINE,
)
_EXPORTED = re.compile(r"([A-Za-z0-9_][\w.-]*)=([\w.+!*]+)(?:=([\w.-]+))?")
_LISTED = re.compile(r"([A-Za-z0-9_][\w.-]*)\s+([\w.+!]+)(?:\s+(\S+))?(?:\s+(\S+))?\s*")
_ADDRESS = re.compile(r"\S+/([^/\s]+)-([^-/\s]+)-([^-/\s]+)\.(?:conda|tar\.bz2)(?:#\S*)?")


def is_conda_list(text: str) -> bool:
    """Whether a text is one, by its heading, or by most of its lines."""
    if _HEADING.search(text):
        return True
    rows = [row.strip() for row in text.splitlines() if row.strip() and not row.lstrip().startswith("#")]
    exported = sum(_EXPORTED.fullmatch(row) is not None for row in rows)
    return len(rows) > 0 and exported * 2 > len(rows)


def read_conda_list(text: str, path: Path) -> DependencyFile:
    """One set: conda's packages, and what it lists as installed by pip."""
    entries = []
    for number, row in enumerate(text.splitlines(), 1):
        entry = _read_row(row.strip(), SourceLocation(path, number))
        if entry is not None:
            entries.append(entry)
    reason = tell("a list of conda's is made from an environment: change that, and list it again")
    return DependencyFile(path, "conda list", (RequirementSet(path=path, entries=tuple(entries)),), reason)


def read_conda_address(address: str, place: SourceLocation) -> DeclaredRequirement | None:
    """The package at an address of a channel's; `None` where the address is of another form."""
    return _read_row(address, place) if _ADDRESS.fullmatch(address) else None


def _read_row(row: str, place: SourceLocation) -> DeclaredRequirement | None:
    if not row or row.startswith(("#", "@")):
        return None
    match = _ADDRESS.fullmatch(row) or _EXPORTED.fullmatch(row) or _LISTED.fullmatch(row)
    if match is None:
        return None
    name, version, build = match[1], match[2], match[3] or ""
    if "pypi" in (build, *match.groups()[3:]) or build.startswith("pypi"):
        return parse_requirement(f"{name}=={version}", place)
    return DeclaredRequirement(location=place, source_text=f"{name}={version}", name=name.lower(), role=Role.CONDA)
