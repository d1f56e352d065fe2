"""pyproject.toml as a whole: what it says of the project, and the environments of tools that keep theirs in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.requirements.readers.common import get_table, parse_toml
from envtool.requirements.readers.hatch import read_hatch_table
from envtool.requirements.readers.pixi import read_pixi_table
from envtool.requirements.readers.pyproject import read_pyproject_table
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.tox_ini import read_tox_table
from envtool.requirements.text_file import read_text

if TYPE_CHECKING:
    from envtool.requirements.model import DependencyFile

_ON_DISK = SourceFiles()
_TOOLS: Mapping[str, Callable[..., DependencyFile]] = {
    "hatch": read_hatch_table,
    "tox": read_tox_table,
}


def read_project_file(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """The project's sets, then one for each environment of Hatch, tox and pixi. Raises `RequirementsError`."""
    text = read_text(path)
    table: dict[str, Any] = parse_toml(text, path)
    found = read_pyproject_table(table, text, path)
    sets = list(found.sets)
    for tool, read in _TOOLS.items():
        if own := get_table(table, "tool", tool):
            sets += read(own, text, path, files).sets
    if own := get_table(table, "tool", "pixi"):
        project = {**get_table(table, "project"), "dependency-groups": get_table(table, "dependency-groups")}
        sets += read_pixi_table(own, text, path, files, project).sets
    return replace(found, sets=tuple(sets))
