"""Gives new files the permissions that site-packages has, whatever the umask is."""

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
