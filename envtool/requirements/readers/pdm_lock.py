"""pdm.lock (PDM documentation, "Lock file")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.requirements.model import DependencyFile, RequirementSet, SourceLocation
from envtool.requirements.readers.common import make_form_error, parse_requirement, parse_toml
from envtool.requirements.text_file import LineFinder, read_text

if TYPE_CHECKING:
    from pathlib import Path


def read_pdm_lock(path: Path) -> DependencyFile:
    """What `pdm sync` would install: everything the lock names. Raises `RequirementsError`."""
    text = read_text(path)
    table = parse_toml(text, path)
    rows = table.get("package", [])
    if not isinstance(rows, list) or "metadata" not in table:
        raise make_form_error(path, tell("it has no [[package]] and no [metadata]"))
    lines = LineFinder(text)
    entries = []
    after = 1
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("name"), str):
            raise make_form_error(path, tell("a [[package]] has no name"))
        after = lines.find(f'name = "{row["name"]}"', after)
        version, marker = row.get("version"), row.get("marker")
        # A row for each extra of a package repeats it.
        exact = f"=={version}" if isinstance(version, str) else ""
        condition = f" ; {marker}" if isinstance(marker, str) and marker else ""
        entries.append(parse_requirement(f"{row['name']}{exact}{condition}", SourceLocation(path, after)))
    wanted = RequirementSet(path=path, entries=tuple(entries), locked=True)
    return DependencyFile(
        path, "pdm.lock", (wanted,), tell("pdm.lock is made from pyproject.toml: change that, then run `pdm lock`")
    )
