"""Reads and writes single files where somebody else may have put a link, a pipe or a device in their place."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.language import tell

if TYPE_CHECKING:
    from envtool.transaction.scope import OpenScope, RootPath


def read_unlinked_file(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes. Raises `OSError`, also for a link and for what is no regular file."""
    # Not to wait for a writer, should it be a pipe.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, tell("not a regular file"), str(path))
        if found.st_size > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return stream.read(limit)


def replace_file(opened: OpenScope, place: RootPath, data: bytes) -> None:
    """Write a file of a scope in one step, in place of whatever is there; a link's target stays. Raises `OSError`."""
    parent = opened.open_parent(place, make=True)
    assert parent is not None, "it was made"
    replace_in_folder(parent, place.name, data, mode=0o666)


def replace_in_folder(folder: int, name: str, data: bytes, *, mode: int, is_durable: bool = False) -> None:
    """Write the file `name` of an open folder in one step, in place of whatever is there. Raises `OSError`.

    `mode` is subject to the umask. `is_durable`: its contents are on the disk before it has its name.
    """
    incoming = f"{name}.incoming"
    with suppress(FileNotFoundError):
        os.unlink(incoming, dir_fd=folder)
    handle = os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode, dir_fd=folder)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        if is_durable:
            stream.flush()
            os.fsync(handle)
    os.replace(incoming, name, src_dir_fd=folder, dst_dir_fd=folder)
