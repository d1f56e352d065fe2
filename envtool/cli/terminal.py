"""Colour, notes and progress: reports go to stdout, everything else to stderr, and colour to terminals only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import typer

_quiet = False


def set_quiet(value: bool) -> None:
    """Leave out notes and progress bars from now on."""
    global _quiet
    _quiet = value


def coloured(stream: TextIO) -> bool:
    """Whether colour is welcome: a terminal, and no `NO_COLOR` (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def paint(text: str, colour: str, *, bold: bool = False, stream: TextIO | None = None) -> str:
    """`text` in a colour, where colour is welcome on `stream` (stdout)."""
    return typer.style(text, fg=colour, bold=bold) if coloured(stream or sys.stdout) else text


def note(text: str) -> None:
    """Say something on stderr that is not part of the report."""
    if not _quiet:
        print(text, file=sys.stderr, flush=True)


Advance = Callable[[str, int, int], None]


@contextmanager
def progress_bars(title: str) -> Iterator[Advance]:
    """Progress bars on stderr that count bytes: the value takes a task's name, bytes newly done and bytes in all.

    On anything but a terminal a task's start is one plain line instead.
    """
    with _bars(title, "bytes") as advance:
        yield advance


@contextmanager
def counters(title: str) -> Iterator[Advance]:
    """Like `progress_bars`, for things that are counted."""
    with _bars(title, "things") as advance:
        yield advance


@contextmanager
def _bars(title: str, unit: str) -> Iterator[Advance]:
    if _quiet or not sys.stderr.isatty():
        yield _plain_lines(title, unit)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        TextColumn(f"{title} [bold]{{task.description}}"),
        BarColumn(),
        DownloadColumn(binary_units=True) if unit == "bytes" else MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    console = Console(stderr=True, no_color=not coloured(sys.stderr))
    with Progress(*columns, console=console) as progress:

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.advance(tasks[name], done)

        yield advance


def _plain_lines(title: str, unit: str) -> Advance:
    seen: set[str] = set()

    def advance(name: str, _done: int, total: int) -> None:
        if name not in seen:
            seen.add(name)
            note(f"{title} {name} ({total / 1e6:.1f} MB)" if unit == "bytes" else f"{title} {name} ({total})")

    return advance
