"""The lock of a prefix, and the system's errors in plain words."""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envtool.errors import RestoreError
from envtool.language import join_messages, tell


@contextmanager
def prefix_lock(prefix: Path, site_packages: Path) -> Iterator[None]:
    """Hold the prefix's lock. Raises `RestoreError` where another process holds it.

    It is on the folder itself, so that a dead process leaves no lock file behind.
    """
    handle = os.open(site_packages, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RestoreError(
                tell("another change of {prefix} is at work", prefix=prefix),
                remedy=tell("wait until it has ended, and try again"),
            ) from error
        yield
    finally:
        os.close(handle)


@contextmanager
def translate_os_errors(prefix: Path) -> Iterator[None]:
    """Raise `OSError` as `RestoreError`."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise RestoreError(
            join_messages(
                ": ", (tell("the disk is full") if full else tell("the environment cannot be written"), str(prefix))
            ),
            why=f"{error.strerror}: {error.filename or prefix}",
            remedy=tell("make room and try again") if full else _suggest_owner(prefix),
        ) from error


def _suggest_owner(prefix: Path) -> str:
    for folder in reversed(prefix.parents):
        if not os.access(folder, os.X_OK):
            return tell("let user {user} pass: chmod o+x {folder}", user=os.geteuid(), folder=shlex.quote(str(folder)))
    try:
        owner = prefix.stat().st_uid
    except OSError:
        owner = -1
    if owner != os.geteuid() or owner == 0:
        return tell("run the command as the owner of the environment")
    return tell(
        "as root: chown -hR --from=root {owner} {folder}   and try again", owner=owner, folder=shlex.quote(str(prefix))
    )
