"""Folders that an environment's interpreter imports from before its own site-packages.

Order: the Python documentation, "The initialization of the sys.path module search path" and module `site`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envtool.environment.prefix import Prefix


@dataclass(frozen=True)
class EarlierFolder:
    """A folder that is searched before site-packages, and what puts it there."""

    path: Path
    named_by: str


def earlier_folders(prefix: Prefix, variables: Mapping[str, str]) -> Iterator[EarlierFolder]:
    """The folders, in their order, that an interpreter started with the environment `variables` would search first."""
    for entry in variables.get("PYTHONPATH", "").split(":"):
        # An empty entry means the current folder, which nobody can tell from here.
        if entry:
            yield EarlierFolder(Path(entry), "PYTHONPATH")
    if not variables.get("PYTHONNOUSERSITE") and _has_user_site(prefix):
        base = variables.get("PYTHONUSERBASE") or f"{variables.get('HOME', '')}/.local"
        version = f"python{prefix.python[0]}.{prefix.python[1]}"
        yield EarlierFolder(Path(base) / "lib" / version / "site-packages", "the user site")


def _has_user_site(prefix: Prefix) -> bool:
    """A virtual environment's own site-packages comes first, even where it sees the system's and the user's."""
    return not (prefix.path / "pyvenv.cfg").is_file()
