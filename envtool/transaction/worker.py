"""Ties worker processes to the one that started them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from envtool.errors import RestoreError
from envtool.language import tell
from envtool.parent_death import end_with_parent


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` dies, and ignore SIGINT, which the parent handles."""
    # A worker that outlived its parent would write into a folder that another process is deleting.
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def translate_worker_death() -> Iterator[None]:
    """Raise `RestoreError` where a process of a pool dies before it has unpacked a wheel."""
    try:
        yield
    except BrokenProcessPool as error:
        raise RestoreError(
            tell("a process that unpacks the wheel was killed"),
            why=tell("by somebody, or because memory ran out"),
            remedy=tell("free some memory and try again; nothing was changed"),
        ) from error
