"""Progress bars on stderr, and plain lines where that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from envtool.cli.terminal import has_colour, is_quiet, make_safe, note
from envtool.language import translate
from envtool.printable import one_line
from envtool.progress import Progress


@contextmanager
def progress_bars(title: str) -> Iterator[Progress]:
    """Progress bars on stderr that count bytes: the value takes a task's name, bytes newly done and bytes in all.

    On anything but a terminal a task's start is one plain line instead.
    """
    with _open_bars(title, "bytes") as advance:
        yield advance


@contextmanager
def counters(title: str) -> Iterator[Progress]:
    """Like `progress_bars`, for things that are counted."""
    with _open_bars(title, "things") as advance:
        yield advance


@contextmanager
def _open_bars(title: str, unit: str) -> Iterator[Progress]:
    title = translate(title)
    if is_quiet() or not sys.stderr.isatty():
        yield _print_plain_lines(title, unit)
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
        # Names are other people's: no markup in them counts.
        TextColumn(f"{title} {{task.description}}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True) if unit == "bytes" else MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    lock = Lock()
    console = Console(stderr=True, no_color=not has_colour(sys.stderr))
    with Progress(*columns, console=console) as progress:

        def advance(name: str, done: int, total: int) -> None:
            with lock:
                if name not in tasks:
                    tasks[name] = progress.add_task(make_safe(one_line(translate(name))), total=total)
                progress.advance(tasks[name], done)

        yield advance


def _print_plain_lines(title: str, unit: str) -> Progress:
    seen: set[str] = set()
    # Threads tell of what they do: a line of one does not begin within that of another.
    lock = Lock()

    def advance(name: str, _done: int, total: int) -> None:
        with lock:
            if name in seen:
                return
            seen.add(name)
            told = translate(name)
            note(f"{title} {told} ({total / 1e6:.1f} MB)" if unit == "bytes" else f"{title} {told} ({total})")

    return advance
