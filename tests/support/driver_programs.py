"""Programs that stand in for the accelerator's own: they print what those print, and no accelerator is behind them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# Seconds that a state is waited for on a machine that does other things.
PATIENCE = 60.0
# A training that stands in for one: it forks workers as torch's DataLoader does, says their numbers, and waits.
_TRAINING = """
import os, sys, time
workers = []
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
        os._exit(0)
    workers.append(pid)
with open(sys.argv[2] + ".part", "w") as file:
    print(os.getpid(), *workers, file=file)
os.rename(sys.argv[2] + ".part", sys.argv[2])
time.sleep(600)
"""
_SWITCH = """#!{python}
# A stand-in for moreh-switch-model.
import sys
names, state = {names!r}, {state!r}
def show(current):
    for number, name in enumerate(names, 1):
        print(f"{{number}}. {{name}}" + ("  *" if name == current else ""))
    print()
{before}
current = open(state).read()
print("Current KT AI Accelerator:", current)
print()
while True:
    show(current)
    try:
        answer = input(f"Selection (1-{{len(names)}}, q, Q): ")
    except EOFError:
        break
    if answer in {{"q", "Q"}}:
        break
    if not answer.isdigit() or not 1 <= int(answer) <= len(names):
        print("Invalid selection.")
        continue
    {instead}
    current = names[int(answer) - 1]
    open(state, "w").write(current)
    print(f'The KT AI Accelerator model is successfully switched to  "{{current}}".')
    print()
"""


@dataclass(frozen=True)
class DriverPrograms:
    """A folder of stand-ins for PATH."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which they are found first."""
        return {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}

    def show(self, table: str, name: str = "moreh-smi") -> None:
        """Have the driver's program print a table from now on."""
        (self.folder / "table").write_text(table)
        self.install(name, f"#!/bin/sh\n# A stand-in for {name}.\ncat '{self.folder}/table'\n")

    def offer(self, *names: str, current: str, before: str = "", instead: str = "pass") -> None:
        """Have moreh-switch-model offer flavours; `before` and `instead` are code for before and at a selection."""
        (self.folder / "flavour").write_text(current)
        text = _SWITCH.format(
            python=sys.executable, names=names, state=str(self.folder / "flavour"), before=before, instead=instead
        )
        self.install("moreh-switch-model", text)

    def install(self, name: str, text: str) -> None:
        """Put a program there."""
        program = self.folder / name
        program.write_text(text)
        program.chmod(0o755)


@dataclass(frozen=True)
class Training:
    """A program that runs, and its workers."""

    process: subprocess.Popen[bytes]
    pid: int
    workers: tuple[int, ...]
    command: str


@contextmanager
def training(
    folder: Path, workers: int = 0, *, below_shell: bool = False, name: str = "train.py"
) -> Iterator[Training]:
    """A real program with real workers; all that is left of them ends with the block."""
    script, told = folder / name, folder / f"{name}.pids"
    script.write_text(_TRAINING)
    told.unlink(missing_ok=True)
    command = [sys.executable, str(script), str(workers), str(told)]
    full = ["sh", "-c", '"$@"; true', "sh", *command] if below_shell else command
    process = subprocess.Popen(full, start_new_session=True)
    pids: list[int] = []
    try:
        wait_for(told.exists)
        pids = [int(word) for word in told.read_text().split()]
        yield Training(process, pids[0], tuple(pids[1:]), " ".join(command))
    finally:
        for pid in [*pids, process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        process.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or only its number is left."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True
