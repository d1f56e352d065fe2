"""Whose new files are and who may read them: as in site-packages, whatever the umask and whoever runs the command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def umask_like(folder: Path) -> Iterator[None]:
    """Make what is created meanwhile as open to group and others as `folder` is; the process's umask comes back."""
    previous = os.umask(~folder.stat().st_mode & 0o777)
    try:
        yield
    finally:
        os.umask(previous)


def read_umask() -> int:
    """The process's umask (proc(5), /proc/self/status), which threads share: setting it to read it is seen by all."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    value = os.umask(0o022)
    os.umask(value)
    return value


def predict_owner(folder: Path, tree: Path) -> tuple[int, int]:
    """The user and the group that a new file below `tree` will end up with, once it is in `folder`."""
    owner = folder.stat()
    if os.geteuid() != 0 or (owner.st_uid, owner.st_gid) == (0, 0):
        owner = tree.stat()
    return owner.st_uid, owner.st_gid


def chown_like(folder: Path, tree: Path) -> None:
    """Where root changes somebody else's environment, let everything below `tree` belong to the owner of `folder`."""
    owner = folder.stat()
    if os.geteuid() != 0 or (owner.st_uid, owner.st_gid) == (0, 0):
        return
    for top, folders, files in os.walk(tree):
        for name in (*folders, *files):
            os.lchown(f"{top}/{name}", owner.st_uid, owner.st_gid)
    os.lchown(tree, owner.st_uid, owner.st_gid)
