"""Looking at paths, and the witness that knows afterwards what was looked at.

`pathlib` raises where a path may not be reached; here the answer is that nothing is seen. All that reads an environment
looks through these functions, so that what a diagnosis rested on is known whole: with them what was opened or listed,
which the interpreter tells by its audit events. A test holds the rooms to it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

_seen: set[str] | None = None
_EVENTS = frozenset({"open", "os.scandir", "os.listdir"})


def start_witness() -> None:
    """From now on, keep what is opened, listed or looked at."""
    global _seen
    if _seen is None:
        # An audit hook stays for the life of the process.
        sys.addaudithook(_audit)
    _seen = set()


def witnessed() -> frozenset[str]:
    """The paths that were seen since `start_witness`; relative ones are left as they were named."""
    return frozenset(_seen or ())


def saw(path: str | Path) -> None:
    """Note a path that was looked at by other means than these functions, such as by resolving it."""
    if _seen is not None:
        _seen.add(os.fspath(path))


def is_file(path: str | Path) -> bool:
    """Whether there is a file that this user can see; links are followed."""
    saw(path)
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder that this user can see; links are followed."""
    saw(path)
    return os.path.isdir(path)  # noqa: PTH112


def is_there(path: str | Path) -> bool:
    """Whether there is anything that this user can see; links are followed."""
    saw(path)
    return os.path.exists(path)  # noqa: PTH110


def is_dangling(path: Path) -> bool:
    """Whether it is certain that nothing is there, as with a link to what was removed."""
    saw(path)
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS and _seen is not None and isinstance(arguments[0], str | Path):
        _seen.add(os.fspath(arguments[0]))
