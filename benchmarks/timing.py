"""Times whole commands in turn, so that a machine whose speed drifts slows both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Row:
    """One comparison. `limit` is on `value`; `unit` says what that is: `x` a ratio, `ms` or `s` a difference."""

    what: str
    ours: float
    peer: str
    theirs: float
    value: float
    unit: str
    limit: float | None

    @property
    def within(self) -> bool:
        """Whether the value keeps its limit."""
        return self.limit is None or self.value <= self.limit


def alternately(
    commands: Sequence[Command],
    runs: int,
    *,
    before: Callable[[int], None] = lambda _index: None,
    variables: Mapping[str, str] | None = None,
) -> list[list[float]]:
    """Seconds of `runs` runs of each command, in turn, after one of each that does not count.

    `before` is called with a command's index, outside of the time. A command that fails ends the benchmark.
    """
    found: list[list[float]] = [[] for _ in commands]
    environment = {**os.environ, **(variables or {})}
    for number in range(runs + 1):
        for index, command in enumerate(commands):
            before(index)
            start = time.perf_counter()
            subprocess.run([str(w) for w in command], env=environment, check=True, capture_output=True)
            if number:
                found[index].append(time.perf_counter() - start)
    return found


def ratio_row(what: str, ours: list[float], peer: str, theirs: list[float], limit: float | None) -> Row:
    """The median of the ratios, pair by pair."""
    ratios = [left / right for left, right in zip(ours, theirs, strict=True)]
    medians = statistics.median(ours), statistics.median(theirs)
    return Row(what, medians[0], peer, medians[1], statistics.median(ratios), "x", limit)


def difference_row(
    what: str, ours: list[float], peer: str, theirs: list[float], limit: float, unit: str, scale: float
) -> Row:
    """The median of the differences, pair by pair, times `scale`."""
    differences = [(left - right) * scale for left, right in zip(ours, theirs, strict=True)]
    medians = statistics.median(ours), statistics.median(theirs)
    return Row(what, medians[0], peer, medians[1], statistics.median(differences), unit, limit)


def render(rows: Sequence[Row]) -> str:
    """The rows as a table."""
    lines = [f"{'what':<58} {'ours':>9} {'peer':<42} {'theirs':>9} {'value':>9} {'limit':>9}"]
    for row in rows:
        limit = "-" if row.limit is None else f"{row.limit:g} {row.unit}"
        verdict = "" if row.within else "  OVER"
        lines.append(
            f"{row.what:<58} {row.ours:>8.3f}s {row.peer:<42} {row.theirs:>8.3f}s "
            f"{row.value:>6.2f} {row.unit:<2} {limit:>9}{verdict}"
        )
    return "\n".join(lines)


_MEASURE = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def peak_row(what: str, command: Command, limit: float) -> Row:
    """The largest resident set of a command's processes, in MiB, whatever the command's answer."""
    words = [sys.executable, "-c", _MEASURE, *map(str, command)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return Row(what, 0.0, "the limit", 0.0, int(done.stdout) / 1024, "MB", limit)
