"""Runs envtool so that it is killed at a chosen point of its work."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.support.environment import Outcome, RealEnvironment
from tests.support.forked import run_forked

_EVENTS = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"})


def killed_at(limit: int, environment: RealEnvironment, *arguments: str) -> Outcome:
    """`envtool ARGUMENTS`, killed after `limit` changes of the file system below site-packages."""
    seen = 0

    def audit(event: str, values: tuple[object, ...]) -> None:
        nonlocal seen
        if event in _EVENTS and any("site-packages" in path for path in _list_paths(event, values)):
            seen += 1
            if seen > limit:
                os.kill(os.getpid(), signal.SIGKILL)

    prepare = partial(sys.addaudithook, audit)
    return Outcome(*run_forked(arguments, environment.variables, prepare=prepare))


def _list_paths(event: str, values: tuple[object, ...]) -> Iterator[str]:
    # The second of mkdir's is the mode.
    for value in values[:1] + values[2:] if event == "os.mkdir" else values:
        # A folder by the number under which it is open, as the one that a name is in.
        opened = isinstance(value, int) and value >= 0
        text = str(Path(f"/proc/self/fd/{value}").readlink()) if opened else str(value)
        yield os.path.realpath(text) if text.startswith("/proc/self/fd/") else text
