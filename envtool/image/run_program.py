"""Runs other programs: one place that turns a missing program or a failed run into an error a person can act on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from envtool.bounded_process import BoundedProcess
from envtool.errors import BuildError, EnvtoolError, SetupError
from envtool.language import tell

# Seconds, and bytes of output: a base image is bootstrapped in minutes, also where the network is slow.
_TIME_LIMIT = 3600.0
_OUTPUT_LIMIT = 64 << 20


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
        process = BoundedProcess(words, environment={**os.environ, **(environment or {})}, cwd=folder)
    except FileNotFoundError as error:
        raise SetupError(
            tell("{words} is not installed", words=words[0]),
            why=tell("the command needs it"),
            remedy=f"apt-get install {Path(words[0]).name}",
        ) from error
    ended = process.wait(_TIME_LIMIT, _OUTPUT_LIMIT)
    out, err = (text.decode("utf-8", "replace") for text in (ended.out, ended.err))
    if ended.status != 0:
        name = " ".join([Path(words[0]).name, *words[1:2]])
        if ended.status is not None:
            what = tell("{name} failed with status {status}", name=name, status=ended.status)
        elif ended.is_too_long:
            what = tell("{name} was stopped: it printed more than {size} MiB", name=name, size=_OUTPUT_LIMIT >> 20)
        else:
            minutes = _TIME_LIMIT // 60
            what = tell("{name} was stopped: it took more than {minutes:.0f} minutes", name=name, minutes=minutes)
        raise (failure or quote_output)(what, (err or out).strip())
    return out


def quote_output(what: str, output: str, *, kind: type[EnvtoolError] = BuildError, remedy: str = "") -> EnvtoolError:
    """An error that quotes the end of a program's output."""
    return kind(what, why="\n        ".join(output.splitlines()[-12:]), remedy=remedy)
