"""Whether the process numbers that are seen here are the machine's.

A container has a namespace of process numbers of its own, unless it was started with its machine's. What the driver's
program lists may then be a process that is not seen here, or is seen under another number.

Source: pid_namespaces(7); the first namespace's number is fixed (include/linux/proc_ns.h).
"""

from __future__ import annotations

import os
from pathlib import Path

_FIRST_NAMESPACE = "pid:[4026531836]"
# What Docker and Podman put into every container.
_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def has_own_process_numbers(proc: Path = Path("/proc"), marks: tuple[Path, ...] = _MARKS) -> bool:
    """Whether this is a container that numbers processes for itself; where the kernel does not tell, its marks do."""
    try:
        return str((proc / "self/ns/pid").readlink()) != _FIRST_NAMESPACE
    except OSError:
        return any(os.path.lexists(mark) for mark in marks)
