"""Puts a stop off until what has begun is done. Source: signal(7)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# What tells a command to stop.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def postponed_signals() -> Iterator[Sequence[int]]:
    """Signals that stop a command arrive after the block, which gets those that came; those ignored stay so.

    Only for what ends soon by itself. Outside the main thread, which alone gets signals, nothing is put off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield ()
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    # A handler that Python does not know of is `None`, and could not be put back.
    postponed = [number for number, handler in before.items() if handler not in {signal.SIG_IGN, None}]
    try:
        for number in postponed:
            signal.signal(number, lambda number, _frame: came.append(number))
        yield came
    finally:
        for number in postponed:
            signal.signal(number, before[number])
        if came:
            signal.raise_signal(came[0])
