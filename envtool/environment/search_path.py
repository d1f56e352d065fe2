"""Folders that an environment's interpreter imports from before its own site-packages.

Order: the Python documentation, "The initialization of the sys.path module search path" and module `site`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.pth import read_pth
from envtool.language import tell

if TYPE_CHECKING:
    from envtool.environment.context import EnvironmentContext
    from envtool.environment.prefix import Prefix
    from envtool.environment.reader import Environment


class PathOrigin(Enum):
    """What puts a folder before site-packages."""

    PYTHONPATH = "PYTHONPATH"
    PTH_FILE = tell("a .pth file")
    USER_SITE = tell("the user site")


@dataclass(frozen=True)
class PrecedingPath:
    """A folder that is searched before site-packages, and what puts it there.

    `pth_file` is the file that names the folder, for `PathOrigin.PTH_FILE`.
    """

    path: Path
    origin: PathOrigin
    pth_file: Path | None = None

    @property
    def source(self) -> str:
        """What puts it there, for a person: the `.pth` file's path, or the origin."""
        return str(self.pth_file) if self.pth_file is not None else self.origin.value


def find_preceding_paths(environment: Environment) -> Iterator[PrecedingPath]:
    """The folders, in their order, that the environment's interpreter would search first."""
    context, prefix = environment.context, environment.prefix
    for entry in context.variables.get("PYTHONPATH", "").split(":"):
        # An empty entry means the current folder, which nobody can tell from here.
        if entry:
            yield PrecedingPath(context.locate(entry) if entry.startswith("/") else Path(entry), PathOrigin.PYTHONPATH)
    for pth in environment.pth_files:
        content = read_pth(pth)
        for folder in content.first if content else ():
            yield PrecedingPath(_join_path(context, pth, folder), PathOrigin.PTH_FILE, pth)
    user_site = find_user_site(prefix, context)
    if user_site is not None:
        yield PrecedingPath(user_site, PathOrigin.USER_SITE)
        # The user site is added, with its own .pth files, before site-packages is.
        for pth in sorted(user_site.glob("*.pth")):
            content = read_pth(pth)
            for folder in content.folders if content else ():
                yield PrecedingPath(_join_path(context, pth, folder), PathOrigin.PTH_FILE, pth)


def find_user_site(prefix: Prefix, context: EnvironmentContext) -> Path | None:
    """The user's own site-packages, where the interpreter would use it.

    A virtual environment's own site-packages comes first, even where it sees the system's and the user's.
    """
    variables = context.variables
    if variables.get("PYTHONNOUSERSITE") or os.path.isfile(prefix.path / "pyvenv.cfg"):
        return None
    base = variables.get("PYTHONUSERBASE") or f"{variables.get('HOME', '')}/.local"
    return context.locate(base) / "lib" / f"python{prefix.python[0]}.{prefix.python[1]}" / "site-packages"


def _join_path(context: EnvironmentContext, pth: Path, folder: str) -> Path:
    return context.locate(folder) if folder.startswith("/") else pth.parent / folder
