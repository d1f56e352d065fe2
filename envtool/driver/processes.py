"""What runs on this machine, from /proc.

Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5), proc_pid_maps(5).
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from envtool.driver.container import has_own_process_numbers
from envtool.regular_file import read_regular_file
from envtool.release.profile import TORCH
from envtool.release.read_profile import load_default_profile

_PROC = Path("/proc")
# Bytes of one of the kernel's answers; a training maps some thousand files.
_LIMIT = 8 << 20
_COMMAND_LIMIT = 4096
# How Python starts a worker of its own where it does not fork.
_WORKER = re.compile(r"multiprocessing[./](?:spawn|forkserver|resource_tracker)|--multiprocessing-fork|loky\.backend")


@lru_cache(maxsize=1)
def _make_file_pattern() -> re.Pattern[bytes]:
    """Files of torch or of the vendor's driver, as a process has them mapped."""
    label = re.escape(load_default_profile().label or TORCH).encode()
    return re.compile(
        rb"/torch/(?:lib|_M|_C|bin)[./][^\n]*\n|/site-packages/%(label)s/[^\n]*\n"
        rb"|/lib(?:torch|%(label)s|modnnruntime|_%(label)s)[^/\n]*\.so" % {b"label": label}
    )


@dataclass(frozen=True, kw_only=True)
class MachineProcess:
    """One process. `since` is when it began, in seconds since 1970; `numbers` are its numbers, the innermost last."""

    pid: int
    parent: int
    group: int
    session: int
    state: str
    uid: int
    words: tuple[str, ...]
    since: float
    numbers: tuple[int, ...] = ()

    @property
    def command(self) -> str:
        """The command line, in one line."""
        return shlex.join(self.words)

    @property
    def user(self) -> str:
        """The user's name, or number where there is none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    @property
    def has_ended(self) -> bool:
        """Whether only its number is left, until somebody asks how it ended."""
        return self.state in {"Z", "X", "x"}

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped it, as Ctrl-Z does; a debugger's hold counts as well."""
        return self.state in {"T", "t"}

    @property
    def is_python_worker(self) -> bool:
        """Whether Python started it as another process' worker."""
        return _WORKER.search(" ".join(self.words)) is not None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """All processes that are seen here, by number. `has_own_numbers`: a container's, and not its machine's."""

    processes: Mapping[int, MachineProcess]
    has_own_numbers: bool = False
    proc: Path = field(default=_PROC, compare=False)

    def descendants(self, pid: int) -> set[int]:
        """The numbers of what a process started, and of what that started."""
        children: dict[int, list[int]] = {}
        for process in self.processes.values():
            children.setdefault(process.parent, []).append(process.pid)
        found: set[int] = set()
        waiting = [pid]
        while waiting:
            for child in children.get(waiting.pop(), []):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    def ancestors(self, pid: int) -> set[int]:
        """The numbers of what started a process, and of what started that."""
        found: set[int] = set()
        while (process := self.processes.get(pid)) is not None and process.parent not in found:
            pid = process.parent
            found.add(pid)
        return found

    def has_torch(self, pid: int) -> bool:
        """Whether a process has a file of torch mapped, as far as this user may look."""
        return _make_file_pattern().search(_read(self.proc / str(pid) / "maps")) is not None


def read_machine(proc: Path = _PROC) -> Machine:
    """What runs now. Processes that end meanwhile are left out."""
    begun = _read_boot_time(proc)
    found = filter(None, (_read_process(folder, begun) for folder in _list_folders(proc)))
    return Machine(
        processes={process.pid: process for process in found}, has_own_numbers=has_own_process_numbers(proc), proc=proc
    )


def match_command(process: MachineProcess, command: str) -> bool:
    """Whether a process may be what the driver calls `command`: its program alone, all of it, or its beginning."""
    wanted = command.strip().rstrip("….")
    if not wanted or not process.words:
        return True
    written = (" ".join(process.words), process.command)
    if any(text.startswith(wanted) for text in written):
        return True
    # The program may be given with or without its folder, and so may the interpreter of a script.
    first, *rest = wanted.split()
    if not _same_program(first, process.words[0]):
        return False
    return " ".join(process.words[1:]).startswith(" ".join(rest))


def _same_program(one: str, other: str) -> bool:
    """`python` is also `python3` and `python3.8`, wherever it is."""
    names = [re.sub(r"(?<=python)[\d.]+$", "", name.rsplit("/", 1)[-1]) for name in (one, other)]
    return names[0] == names[1]


def _list_folders(proc: Path) -> Iterable[Path]:
    try:
        return [folder for folder in proc.iterdir() if folder.name.isascii() and folder.name.isdigit()]
    except OSError:
        return []


def _read(path: Path) -> bytes:
    try:
        return read_regular_file(path, _LIMIT)
    except OSError:
        # It has ended meanwhile, or is another user's.
        return b""


def _read_boot_time(proc: Path) -> float:
    found = re.search(rb"^btime (\d+)$", _read(proc / "stat"), re.MULTILINE)
    return float(found[1]) if found else 0.0


def _read_process(folder: Path, begun: float) -> MachineProcess | None:
    # The program's name is in brackets, and may have brackets and blanks of its own.
    name, _bracket, rest = _read(folder / "stat").rpartition(b")")
    fields = rest.split()
    status = dict(_split_status(_read(folder / "status")))
    try:
        uid = int(status.get("Uid", "").split()[0])
        numbers = tuple(map(int, status.get("NSpid", "").split()))
        state, parent, group, session, ticks = (
            fields[0].decode("ascii", "replace"),
            int(fields[1]),
            int(fields[2]),
            int(fields[3]),
            int(fields[19]),
        )
    except (IndexError, ValueError):
        return None
    words = _read(folder / "cmdline")[:_COMMAND_LIMIT].rstrip(b"\0").split(b"\0")
    shown = tuple(word.decode("utf-8", "replace") for word in words if word or len(words) > 1)
    return MachineProcess(
        pid=int(folder.name),
        parent=parent,
        group=group,
        session=session,
        state=state,
        uid=uid,
        # Kernel threads, and what has ended, have no command line.
        words=shown or (name.partition(b"(")[2].decode("utf-8", "replace"),),
        since=begun + ticks / os.sysconf("SC_CLK_TCK"),
        numbers=numbers,
    )


def _split_status(text: bytes) -> Iterator[tuple[str, str]]:
    for line in text.decode("utf-8", "replace").splitlines():
        name, _colon, value = line.partition(":")
        yield name, value
