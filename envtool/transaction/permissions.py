"""Gives new files the owner and the permissions that site-packages has, whoever runs the command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def umask_like(folder: Path) -> Iterator[None]:
    """Set the umask so that new files are as open to group and others as `folder`; restore it afterwards."""
    previous = os.umask(~folder.stat().st_mode & 0o777)
    try:
        yield
    finally:
        os.umask(previous)


def read_umask() -> int:
    """Read the process's umask from /proc/self/status (proc(5)): setting it to read it would show in all threads."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    value = os.umask(0o022)
    os.umask(value)
    return value


def predict_owner(folder: Path, tree: Path) -> tuple[int, int]:
    """The user and group that a new file below `tree` has after `chown_like(folder, tree)`."""
    owner = folder.stat()
    if os.geteuid() != 0 or (owner.st_uid, owner.st_gid) == (0, 0):
        owner = tree.stat()
    return owner.st_uid, owner.st_gid


def chown_like(folder: Path, tree: Path) -> None:
    """Give `tree` and everything below it to the owner of `folder`, where root works for another user."""
    owner = folder.stat()
    if os.geteuid() != 0 or (owner.st_uid, owner.st_gid) == (0, 0):
        return
    for top, folders, files in os.walk(tree):
        for name in (*folders, *files):
            os.lchown(f"{top}/{name}", owner.st_uid, owner.st_gid)
    os.lchown(tree, owner.st_uid, owner.st_gid)
