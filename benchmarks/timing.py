"""Times whole commands in turn, so that a machine whose speed drifts slows both alike."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.commands import Command, run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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


def time_alternately(
    commands: Sequence[Command],
    runs: int,
    *,
    before: Callable[[int], None] = lambda _index: None,
    variables: Mapping[str, str] | None = None,
) -> list[list[float]]:
    """Seconds of `runs` runs of each command, in turn, after one of each that does not count.

    `before` is called with a command's index, outside of the time. Raises `CommandError`.
    """
    found: list[list[float]] = [[] for _ in commands]
    for number in range(runs + 1):
        for index, command in enumerate(commands):
            before(index)
            start = time.perf_counter()
            run_command(command, variables=variables)
            if number:
                found[index].append(time.perf_counter() - start)
    return found


def make_ratio_row(what: str, ours: list[float], peer: str, theirs: list[float], limit: float | None) -> Row:
    """The median of the ratios, pair by pair."""
    ratios = [left / right for left, right in zip(ours, theirs, strict=True)]
    medians = statistics.median(ours), statistics.median(theirs)
    return Row(what, medians[0], peer, medians[1], statistics.median(ratios), "x", limit)


def make_difference_row(
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
    "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
)


def make_peak_row(what: str, command: Command, limit: float, statuses: Sequence[int] = (0,)) -> Row:
    """The largest resident set of a command's processes, in MiB. Raises `CommandError` for any other exit status."""
    done = run_command([sys.executable, "-c", _MEASURE, *command], statuses=statuses)
    return Row(what, 0.0, "the limit", 0.0, int(done.stdout) / 1024, "MB", limit)
