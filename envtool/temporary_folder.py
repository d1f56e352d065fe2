"""Temporary folders and files that even a killed process does not leave behind for long.

Each folder is locked for as long as its process lives (flock(2)). The next command that makes one clears away what
this user's killed processes have left beside it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from envtool.allowed_folder import OPENED
from envtool.private_folder import is_private

PREFIX = "hac-envtool-"
_OF_THE_SYSTEM = ("/tmp", "/var/tmp")  # noqa: S108  # with the sticky bit, or they are not taken
_held: set[Path] = set()


@contextmanager
def temporary_folder(parent: Path | None = None, *, prefix: str = PREFIX) -> Iterator[Path]:
    """A folder that only this user can enter, for the time of the block. Raises `OSError` where it cannot be made.

    The block may move it to its final place.
    """
    if parent is not None and str(parent).startswith(OPENED):
        place = parent
        remove_abandoned(place, prefix)
    else:
        place = Path(os.path.realpath(parent) if parent else find_temporary_place())
        _remove_abandoned_once(place, prefix)
    folder, handle = _make_locked(place, prefix)
    _held.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _held.discard(folder)
        os.close(handle)


def find_temporary_place() -> str:
    """The folder for temporary ones: TMPDIR, or else the system's.

    Root passes over a TMPDIR in which somebody else could exchange what is made there.
    """
    named = os.path.realpath(tempfile.gettempdir())
    if os.geteuid() != 0 or is_private(named):
        return named
    return next((place for place in _OF_THE_SYSTEM if is_private(place)), named)


@contextmanager
def temporary_file(text: str, name: str) -> Iterator[Path]:
    """A file called `name`, alone in a temporary folder, for the time of the block."""
    with temporary_folder() as folder:
        path = folder / name
        path.write_text(text, encoding="utf-8")
        yield path


def remove_held() -> None:
    """Remove the folders of this process: for one that ends without leaving its blocks."""
    for folder in tuple(_held):
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(place: Path, prefix: str = PREFIX) -> None:
    """Remove the folders in `place` that killed processes of this user have left."""
    with suppress(OSError), os.scandir(place) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(prefix)]
        for name in names:
            # One that is locked is in use, and one of another user is not ours to judge.
            with suppress(OSError):
                _remove_unlocked(place / name)


@cache
def _remove_abandoned_once(place: Path, prefix: str) -> None:
    remove_abandoned(place, prefix)


def _make_locked(place: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        # Before the lock is there, another process may take the folder for one that was left.
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        fcntl.flock(handle, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.path.samestat(folder.lstat(), os.fstat(handle)):
                return folder, handle
        os.close(handle)


def _remove_unlocked(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)
