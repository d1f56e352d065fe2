"""Runs the commands that are measured, and keeps their own words where they fail."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

Command = Sequence[str | Path]


class CommandError(Exception):
    """A command did not end as it must. The text has the command and all that it said."""

    def __init__(self, command: Command, ending: str, output: str) -> None:
        self.output = output.strip()
        super().__init__(f"{shlex.join(map(str, command))}\n{ending}\n{self.output}".strip())


def run_command(
    command: Command,
    *,
    variables: Mapping[str, str] | None = None,
    input: str | None = None,
    folder: Path | None = None,
    statuses: Sequence[int] = (0,),
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with `variables` besides this process's. Raises `CommandError`."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env={**os.environ, **(variables or {})},
            input=input,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise CommandError(command, f"cannot be run: {error.strerror}", "") from error
    if done.returncode not in statuses:
        raise CommandError(command, f"exit status {done.returncode}", done.stdout + done.stderr)
    return done
