"""Breaks a running envtool at a chosen system call: kills it there, or has the call fail. By strace's fault injection.

Only calls that change a file system count. Between two of them nothing on a disk changes, so that whoever is killed at
each of them is killed at every point there is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.support.environment import RealEnvironment

CHANGING = (
    "mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,truncate,ftruncate,"
    "write,pwrite64,writev,copy_file_range,sendfile,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat,"
    "fsync,fdatasync,syncfs,sync_file_range"
)
# mkdir2 and such: what strace does not know on this processor is left out by the question mark.
_SET = ",".join(f"?{name}" for name in CHANGING.split(","))
# Stops the program at the calls that are traced alone. strace 6.1 then injects errors, but no signals.
_ONLY_THESE = "--seccomp-bpf"
_CALL = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\((?P<descriptor>\d*)")


def can_inject() -> bool:
    """Whether strace is there and may trace."""
    return shutil.which("strace") is not None and _strace(["true"], []).returncode == 0


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
    done = _strace(_envtool(arguments), [_ONLY_THESE, "-o", str(log)], environment)
    assert done.returncode == 0, done.stderr
    rows = [match for line in log.read_text(errors="replace").splitlines() if (match := _CALL.match(line))]
    # strace counts each thread's calls apart; the last word is the main thread's, and so is every change.
    counts: Counter[str] = Counter()
    found: list[Call] = []
    for row in rows:
        if row["thread"] == rows[-1]["thread"]:
            counts[row["name"]] += 1
            found.append(Call(row["name"], counts[row["name"]], row["descriptor"]))
    return tuple(found)


def killed_at(call: Call, environment: RealEnvironment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`envtool ARGUMENTS`, killed by SIGKILL as it makes a call."""
    return _strace(_envtool(arguments), ["-o", "/dev/null", "-e", f"{call.inject}:signal=KILL"], environment)


def stopped_at(call: Call, environment: RealEnvironment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`envtool ARGUMENTS`, told to stop by SIGTERM as it makes a call."""
    return _strace(_envtool(arguments), ["-o", "/dev/null", "-e", f"{call.inject}:signal=TERM"], environment)


def failing_at(
    call: Call, error: str, environment: RealEnvironment, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """`envtool ARGUMENTS`, of which one call fails with `error`, such as `ENOSPC`."""
    return _strace(
        _envtool(arguments), [_ONLY_THESE, "-o", "/dev/null", "-e", f"{call.inject}:error={error}"], environment
    )


def without(name: str, error: str, environment: RealEnvironment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`envtool ARGUMENTS` on a kernel that refuses each call of that name with `error`."""
    words = ["--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:error={error}"]
    return _strace(_envtool(arguments), words, environment)


def _envtool(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "envtool", *arguments]


def _strace(
    command: list[str], words: list[str], environment: RealEnvironment | None = None
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **(environment.variables if environment is not None else {})}
    # Python writes bytecode of its own where it may, which is no part of a restore.
    variables["PYTHONDONTWRITEBYTECODE"] = "1"
    strace = ["strace", "--follow-forks", "--quiet=all", "-e", f"trace={_SET}", *words]
    return subprocess.run([*strace, *command], env=variables, capture_output=True, text=True, check=False, timeout=120)


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file below `root` by its path; without bytecode, and without the history, which tells the time."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and path.name not in {"history.jsonl"}
    }
