"""Folders to make files in, where somebody else may have put a link on the way, or may put one at any moment."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envtool.language import tell
from envtool.link_rights import MAKE_FILES, WRITE, require_allowed_way

OPENED = "/proc/self/fd/"


@contextmanager
def open_allowed_folder(path: Path, *, make: bool = False) -> Iterator[Path]:
    """A path to a folder that leads to the same one for the time of the block, whatever others do to the way there.

    Root follows links only where those who made them may make files in that folder themselves. `make`: with the folders
    above, where it is not there. Raises `OSError`.
    """
    there = next((place for place in (path, *path.parents) if place.exists()), path) if make else path
    handle = os.open(there, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        require_allowed_way(handle, there, right=MAKE_FILES)
        # Where /proc is not mounted there is no such path, and nothing against an exchange in the meantime.
        opened = Path(f"{OPENED}{handle}") if os.path.exists(OPENED) else there  # noqa: PTH110
        if there == path:
            yield opened
            return
        made = opened / path.relative_to(there)
        made.mkdir(parents=True, exist_ok=True)
        with open_allowed_folder(path) as inside:
            yield inside
    finally:
        os.close(handle)


@contextmanager
def make_own_folder(path: Path) -> Iterator[Path]:
    """Make a folder that is not there yet, with those above it, and open it: a path that leads to it and nowhere else.

    Raises `OSError`, also where somebody has put another folder in its place meanwhile, which may have links in it.
    """
    with open_allowed_folder(path.parent, make=True) as above:
        (above / path.name).mkdir(0o755)
        handle = os.open(above / path.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))
        yield Path(f"{OPENED}{handle}") if os.path.exists(OPENED) else path  # noqa: PTH110
    finally:
        os.close(handle)


def open_for_append(path: Path, mode: int = 0o644) -> int:
    """Open a regular file to read it and to add to it, made where it is not there. Raises `OSError`.

    Root follows a link only where those who made it may write to that file themselves, and makes no file by one.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    with suppress(FileNotFoundError):
        return _require_regular(os.open(path, flags), path)
    if os.geteuid() != 0:
        return _require_regular(os.open(path, flags | os.O_CREAT, mode), path)
    with open_allowed_folder(path.parent) as folder:
        return os.open(folder / path.name, flags | os.O_CREAT | os.O_NOFOLLOW, mode)


def _require_regular(handle: int, path: Path) -> int:
    try:
        # A pipe would wait for a reader.
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, tell("it is no regular file"), str(path))
        require_allowed_way(handle, path, right=WRITE)
    except OSError:
        os.close(handle)
        raise
    return handle
