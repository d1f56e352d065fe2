"""Finds the lock that a person means by a folder or a file."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from envtool.errors import LockError, UsageError
from envtool.language import tell

_NAMES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
# PEP 751, "File name".
_NAMED_PYLOCK = re.compile(r"pylock\.[^.]+\.toml")


def find_lock(path: Path) -> Path:
    """The lock that `path` is, or that it has, or for a member of a workspace of uv's a folder above.

    Raises `UsageError` where there is no such file or several, and `LockError` where there is none.
    """
    if path.is_file():
        if is_lock_name(path.name):
            return path.absolute()
        if path.name != "pyproject.toml":
            raise UsageError(
                tell(
                    "{path} is none of the locks that can be installed from: {names}",
                    path=path,
                    names=", ".join(_NAMES),
                )
            )
        path = path.parent
    if not path.is_dir():
        raise UsageError(tell("{path} does not exist", path=path))
    folder = path.absolute()
    found = [folder / name for name in _NAMES if (folder / name).is_file()]
    if not found:
        found = sorted(item for item in folder.glob("pylock.*.toml") if _NAMED_PYLOCK.fullmatch(item.name))
    if not found:
        above = (parent / "uv.lock" for parent in folder.parents)
        found = [file for file in above if file.is_file()][:1]
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise UsageError(
            tell("{path} has several locks ({names}): name the one to install from", path=path, names=names)
        )
    if not found:
        raise LockError(
            tell("{path} has no lock", path=path),
            why=tell("looked for {names}", names=", ".join(_NAMES)),
            remedy=tell(
                "{command}   (or install without one: {other})",
                command=shlex.join(["uv", "lock", "--project", str(folder)]),
                other=shlex.join(["envtool", "install", "-e", str(folder)]),
            ),
        )
    return found[0]


def is_lock_name(name: str) -> bool:
    """Whether a file of this name is a lock that can be installed from."""
    return name in _NAMES or _NAMED_PYLOCK.fullmatch(name) is not None
