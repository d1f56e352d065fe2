"""Runs other programs: one place that turns a missing program or a failed run into an error a person can act on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from envtool.errors import BuildError, EnvtoolError, SetupError


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    failure: Callable[[str, str], EnvtoolError] | None = None,
) -> str:
    """Run a program to its end and return what it printed on stdout.

    `environment` is added to this process's. Raises `SetupError` where the program is not installed and, where
    it fails, `failure(what, its output)` or a `BuildError` that quotes the output's end.
    """
    words = [os.fspath(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(
            f"{words[0]} is not installed", why="the command needs it", remedy=f"apt-get install {Path(words[0]).name}"
        ) from error
    if done.returncode != 0:
        output = (done.stderr or done.stdout).strip()
        what = f"{Path(words[0]).name} {words[1] if len(words) > 1 else ''} failed with status {done.returncode}"
        raise (failure or quote_output)(what, output)
    return done.stdout


def quote_output(what: str, output: str, *, kind: type[EnvtoolError] = BuildError, remedy: str = "") -> EnvtoolError:
    """An error that quotes the end of a program's output."""
    return kind(what, why="\n        ".join(output.splitlines()[-12:]), remedy=remedy)
