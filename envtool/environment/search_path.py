"""Folders that an environment's interpreter imports from before its own site-packages.

Order: the Python documentation, "The initialization of the sys.path module search path" and module `site`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from envtool.environment.context import EnvironmentContext
from envtool.environment.looking import is_file, saw
from envtool.environment.prefix import Prefix
from envtool.environment.pth import read_pth
from envtool.environment.reader import Environment

# What an `EarlierFolder` that is the user's own site-packages is named by.
USER_SITE = "the user site"


@dataclass(frozen=True)
class PrecedingPath:
    """A folder that is searched before site-packages, and what puts it there."""

    path: Path
    named_by: str


def preceding_paths(environment: Environment) -> Iterator[PrecedingPath]:
    """The folders, in their order, that the environment's interpreter would search first."""
    setting, prefix = environment.setting, environment.prefix
    for entry in setting.variables.get("PYTHONPATH", "").split(":"):
        # An empty entry means the current folder, which nobody can tell from here.
        if entry:
            yield PrecedingPath(setting.on_disk(entry) if entry.startswith("/") else Path(entry), "PYTHONPATH")
    for pth in environment.pth_files:
        content = read_pth(pth)
        for folder in content.first if content else ():
            yield PrecedingPath(_joined(setting, pth, folder), str(pth))
    user_site = user_site_of(prefix, setting)
    if user_site is not None:
        saw(user_site)
        yield PrecedingPath(user_site, USER_SITE)
        # The user site is added, with its own .pth files, before site-packages is.
        for pth in sorted(user_site.glob("*.pth")):
            content = read_pth(pth)
            for folder in content.folders if content else ():
                yield PrecedingPath(_joined(setting, pth, folder), str(pth))


def user_site_of(prefix: Prefix, setting: EnvironmentContext) -> Path | None:
    """The user's own site-packages, where the interpreter would use it.

    A virtual environment's own site-packages comes first, even where it sees the system's and the user's.
    """
    variables = setting.variables
    if variables.get("PYTHONNOUSERSITE") or is_file(prefix.path / "pyvenv.cfg"):
        return None
    base = variables.get("PYTHONUSERBASE") or f"{variables.get('HOME', '')}/.local"
    return setting.on_disk(base) / "lib" / f"python{prefix.python[0]}.{prefix.python[1]}" / "site-packages"


def _joined(setting: EnvironmentContext, pth: Path, folder: str) -> Path:
    return setting.on_disk(folder) if folder.startswith("/") else pth.parent / folder
