"""Opens what lies below an open folder, without following a link on the way.

Source: openat2(2), since Linux 5.6; where the kernel or a container's filter refuses it, each name is opened by itself.
"""

from __future__ import annotations

import errno
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_SYS_OPENAT2 = 437
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MOUNT_ID = re.compile(rb"^mnt_id:\s*(\d+)", re.MULTILINE)


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """Open a folder by its path, links followed: what a change works below is resolved once."""
    handle = os.open(path, _FOLDER)
    try:
        yield handle
    finally:
        os.close(handle)


def open_beneath(folder: int, relative: str, flags: int = _FOLDER, *, within_mount: bool = False) -> int:
    """Open `relative` below an open folder; `flags` are those of open(2).

    Raises `OSError`: `ELOOP` or `ENOTDIR` for a link on the way or at the end, `EXDEV` for what leads out of the
    folder and, if `within_mount`, for what is mounted there.
    """
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    if _has_openat2():
        return _openat2(folder, relative, flags, _NO_XDEV if within_mount else 0)
    return _walk(folder, relative, flags, within_mount=within_mount)


def read_path(handle: int, path: Path) -> str:
    """Where an open folder is, without a link; `path` is where it was opened."""
    try:
        return str(Path(f"/proc/self/fd/{handle}").readlink())
    except OSError:
        return os.path.realpath(path)


def read_mount_id(handle: int) -> int:
    """The number of the mount that an open file is on; bind mounts of one file system have different ones."""
    try:
        found = _MOUNT_ID.search(Path(f"/proc/self/fdinfo/{handle}").read_bytes())
    except OSError:
        found = None
    return int(found[1]) if found else os.fstat(handle).st_dev


def _openat2(folder: int, relative: str, flags: int, resolve: int) -> int:
    # Only now: doctor needs this module's names, and changes nothing.
    import ctypes

    # struct open_how: flags, mode, resolve.
    how = struct.pack("=QQQ", flags, 0, _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS | resolve)
    call = ctypes.CDLL(None, use_errno=True).syscall
    while True:
        handle: int = call(_SYS_OPENAT2, folder, os.fsencode(relative), how, len(how))
        number = ctypes.get_errno()
        # EAGAIN: something was renamed elsewhere meanwhile, so that the kernel cannot tell.
        if handle >= 0 or number not in {errno.EINTR, errno.EAGAIN}:
            break
    if handle < 0:
        raise OSError(number, os.strerror(number), relative)
    return handle


@cache
def _has_openat2() -> bool:
    try:
        with open_folder(Path("/")) as root:
            os.close(_openat2(root, ".", _FOLDER, 0))
    except OSError:
        # ENOSYS by the kernel, EPERM by an old filter of a container.
        return False
    return True


def _walk(folder: int, relative: str, flags: int, *, within_mount: bool) -> int:
    names = relative.split("/")
    if "" in names or ".." in names:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), relative)
    handle, mount = os.dup(folder), read_mount_id(folder) if within_mount else 0
    try:
        for number, name in enumerate(names):
            last = number == len(names) - 1
            opened = os.open(name, flags if last else _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = opened
            if within_mount and read_mount_id(handle) != mount:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), relative)
    except BaseException:
        os.close(handle)
        raise
    return handle
