"""Programs that the driver does not list though they are there for the accelerator: a second one waits for the first.

It says so where it prints, which can be read where that is a file; else that torch is loaded is all there is to see.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.regular_file import open_regular_file

if TYPE_CHECKING:
    from envtool.driver.processes import Machine

# Bytes from the end of what it has printed.
_TAIL = 64 << 10
_WAITS = re.compile(rb"cannot use [^\n]{1,80} at the same time\. [^\n]{0,80} after the process (\d{1,9}) terminates")
_GOES_ON = re.compile(rb"Accelerator is ready to use|Traceback \(most recent call last\)")


@dataclass(frozen=True)
class UnlistedProcess:
    """A process that has torch loaded or says that it waits: then `waits_for` is the process that it names."""

    pid: int
    waits_for: int | None


def find_unlisted(machine: Machine, listed: frozenset[int]) -> tuple[UnlistedProcess, ...]:
    """The topmost processes with torch that are none of those `listed`, nor started one or were started by one."""
    known = set(listed) | machine.ancestors(os.getpid()) | {os.getpid()}
    for pid in listed:
        known |= machine.ancestors(pid) | machine.descendants(pid)
    found = {item.pid: item for item in _list_candidates(machine, known)}
    below = {pid for top in found for pid in machine.descendants(top)}
    return tuple(item for pid, item in sorted(found.items()) if pid not in below)


def _list_candidates(machine: Machine, known: set[int]) -> Iterator[UnlistedProcess]:
    for pid, process in machine.processes.items():
        if pid in known or process.has_ended or process.is_python_worker:
            continue
        waits_for = _read_waits_for(machine, pid)
        if waits_for is not None or machine.has_torch(pid):
            yield UnlistedProcess(pid, waits_for)


def _read_waits_for(machine: Machine, pid: int) -> int | None:
    """The process that this one says it waits for, unless it has gone on since."""
    for number in ("1", "2"):
        text = _read_tail(machine.proc / str(pid) / "fd" / number)
        said = list(_WAITS.finditer(text))
        if said and _GOES_ON.search(text, said[-1].end()) is None:
            return int(said[-1][1])
    return None


def _read_tail(path: os.PathLike[str]) -> bytes:
    """The end of a file that a process has open; nothing where it is a terminal or a pipe, or not for this user."""
    try:
        handle = open_regular_file(path)
    except OSError:
        return b""
    try:
        os.lseek(handle, max(0, os.fstat(handle).st_size - _TAIL), os.SEEK_SET)
        return os.read(handle, _TAIL)
    except OSError:
        return b""
    finally:
        os.close(handle)
