"""Breaks a running envtool at a chosen system call: kills it there, or has the call fail. By strace's fault injection.

Only calls that change a file system count. Between two of them nothing on a disk changes, so that whoever is killed at
each of them is killed at every point there is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.support.environment import RealEnvironment
from tests.support.forked import run_forked

CHANGING = (
    "mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,truncate,ftruncate,"
    "write,pwrite64,writev,copy_file_range,sendfile,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat,"
    "fsync,fdatasync,syncfs,sync_file_range"
)
# mkdir2 and such: what strace does not know on this processor is left out by the question mark.
_SET = ",".join(f"?{name}" for name in CHANGING.split(","))
# The call whose answer says that strace is there, and that answer.
_MEETING, _MET = "sched_get_priority_max", 4242
_CALL = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\((?P<descriptor>\d*)")


def can_inject() -> bool:
    """Whether strace is there and may trace."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Call:
    """The n-th call of its name in a run, counted from 1, and the descriptor it is on, where that comes first."""

    name: str
    number: int
    descriptor: str

    @property
    def inject(self) -> str:
        """strace's words for this very call."""
        return f"inject={self.name}:when={self.number}"

    @property
    def is_message(self) -> bool:
        """Whether it writes to the terminal rather than to a file."""
        return self.name in {"write", "writev"} and self.descriptor in {"1", "2"}


def calls_of(environment: RealEnvironment, *arguments: str) -> tuple[Call, ...]:
    """Every changing call of a run that nothing breaks. The run must succeed."""
    log = environment.path.parent / "calls"
    done = _traced(environment, arguments, ["-o", str(log)])
    assert done.returncode == 0, done.stderr
    rows = [match for line in log.read_text(errors="replace").splitlines() if (match := _CALL.match(line))]
    # strace counts each thread's calls apart; the last word is the main thread's, and so is every change.
    counts: Counter[str] = Counter()
    found: list[Call] = []
    for row in rows:
        if row["thread"] == rows[-1]["thread"] and row["name"] != _MEETING:
            counts[row["name"]] += 1
            found.append(Call(row["name"], counts[row["name"]], row["descriptor"]))
    return tuple(found)


def killed_at(call: Call, environment: RealEnvironment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`envtool ARGUMENTS`, killed by SIGKILL as it makes a call."""
    return _traced(environment, arguments, ["-o", "/dev/null", "-e", f"{call.inject}:signal=KILL"])


def stopped_at(call: Call, environment: RealEnvironment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`envtool ARGUMENTS`, told to stop by SIGTERM as it makes a call."""
    return _traced(environment, arguments, ["-o", "/dev/null", "-e", f"{call.inject}:signal=TERM"])


def failing_at(
    call: Call, error: str, environment: RealEnvironment, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """`envtool ARGUMENTS`, of which one call fails with `error`, such as `ENOSPC`."""
    return _traced(environment, arguments, ["-o", "/dev/null", "-e", f"{call.inject}:error={error}"])


def without(name: str, error: str, environment: RealEnvironment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`envtool ARGUMENTS` on a kernel that refuses each call of that name with `error`."""
    return _traced(environment, arguments, ["-o", "/dev/null", "-e", f"inject={name}:error={error}"], traced=name)


def _traced(
    environment: RealEnvironment, arguments: tuple[str, ...], words: list[str], traced: str = _SET
) -> subprocess.CompletedProcess[str]:
    """envtool from where its own work begins: strace is attached to a child that has imported all."""
    strace = ["strace", "--follow-forks", "--quiet=all", "-e", f"trace={traced},{_MEETING}"]
    strace += ["-e", f"inject={_MEETING}:retval={_MET}", *words]

    def watch(child: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*strace, "-p", str(child)], stderr=subprocess.DEVNULL)

    # Those that it starts write bytecode of their own where they may, which is no part of a restore.
    variables = {**environment.variables, "PYTHONDONTWRITEBYTECODE": "1"}
    status, out, err = run_forked(arguments, variables, prepare=_meet, watch=watch)
    return subprocess.CompletedProcess(arguments, status, out, err)


def _meet() -> None:
    """Wait until strace traces this process, which shows in the answer to a call that nothing else makes."""
    while os.sched_get_priority_max(os.SCHED_OTHER) != _MET:
        time.sleep(0.001)


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file below `root` by its path; without bytecode, and without the history, which tells the time."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and path.name not in {"history.jsonl"}
    }
