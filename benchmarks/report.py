"""What a run measured, as far as it came."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.commands import CommandError
from benchmarks.timing import Row, render
from envtool.errors import EnvtoolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Report:
    """Rows, what is said below them, and what went wrong."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._texts: list[str] = []
        self._problems: list[str] = []

    def add(self, rows: Sequence[Row]) -> None:
        """Keep rows, and show them at once: a whole run takes most of an hour."""
        self._rows += rows
        self._problems += [f"over the limit: {row.what}, against {row.peer}" for row in rows if not row.within]
        print(render(rows), file=sys.stderr, end="\n\n", flush=True)

    def add_text(self, text: str, *, problem: str | None = None) -> None:
        """Keep what is said below the rows, and what is wrong with it, if anything."""
        self._texts.append(text)
        if problem is not None:
            self._problems.append(problem)

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Go on after the block whatever fails in it, and show the failed command's own words."""
        try:
            yield
        except Exception as error:
            self._problems.append(f"failed: {what}")
            match error:
                case EnvtoolError():
                    words = error.render()
                case CommandError():
                    words = str(error)
                case _:
                    words = traceback.format_exc()
            print(f"FAILED: {what}\n{words}", file=sys.stderr, end="\n\n", flush=True)

    @property
    def is_well(self) -> bool:
        """Whether everything was measured and keeps its limits."""
        return not self._problems

    def __str__(self) -> str:
        return "\n\n".join(filter(None, [render(self._rows), *self._texts, "\n".join(self._problems)]))
