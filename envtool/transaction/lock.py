"""What every change to a prefix runs in: alone, and with the system's errors in plain words."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envtool.errors import RestoreError


@contextmanager
def prefix_lock(prefix: Path, site_packages: Path) -> Iterator[None]:
    """Hold the prefix's lock: on the folder itself, so that no lock file can be left behind by a dead process."""
    handle = os.open(site_packages, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RestoreError(
                f"another change of {prefix} is at work",
                remedy="wait until it has ended, and try again",
            ) from error
        yield
    finally:
        os.close(handle)


@contextmanager
def translate_os_errors(prefix: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a `RestoreError`."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise RestoreError(
            f"{'the disk is full' if full else 'the environment cannot be written'}: {prefix}",
            why=f"{error.strerror}: {error.filename or prefix}",
            remedy="make room and try again" if full else "run the command as the owner of the environment",
        ) from error
