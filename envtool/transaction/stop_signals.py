"""Ends a process of envtool that is told to stop: what it has started ends, what it has made in passing goes.

Source: signal(7), proc_pid_children(5), pidfd_open(2).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from envtool.transaction.postponed_signals import STOP_SIGNALS

# Seconds between two looks for programs that were started, until they are killed, and until nothing is waited for.
_INTERVAL, _PATIENCE, _LIMIT = 0.1, 5.0, 10.0


class StopRequest(BaseException):
    """Raised in the main thread by the signal `number`; no error, so that nothing but a clean-up catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


@contextmanager
def stop_requests() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise `StopRequest` in the block; one that is ignored, as by nohup, stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            # Not once it was stopped: whoever calls this may still have to clean up.
            if signal.getsignal(number) is _stop:
                signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in STOP_SIGNALS:
        # The clean-up that follows is not to be stopped. Not SIG_IGN: Python complains of one that came already.
        signal.signal(each, _pass_over)
    started: dict[int, int] = {}
    # At once: of a program that is gone already, nobody could tell what it had started.
    _signal_descendants(started, signal.SIGTERM)
    # Where no further thread may be started, what was started has its signal.
    with suppress(RuntimeError):
        threading.Thread(target=_end_descendants, args=(started, 128 + number), daemon=True).start()
    raise StopRequest(number)


def _pass_over(_number: int, _frame: FrameType | None) -> None:
    """Do nothing."""


def end_child(child: int) -> int:
    """Have a child of this process stop, clean up and end, and return its status; one that does not is killed."""
    begin = time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        # Again and again: one that comes before the child listens is lost, or before a long call, comes after it.
        os.kill(child, signal.SIGTERM if time.monotonic() - begin < _PATIENCE else signal.SIGKILL)
        time.sleep(_INTERVAL)


def _end_descendants(started: dict[int, int], exit_status: int) -> None:
    """End what this process has started until it is gone, which a thread that waits for a network may put off."""
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < _LIMIT:
        _signal_descendants(started, signal.SIGTERM if passed < _PATIENCE else signal.SIGKILL)
        time.sleep(_INTERVAL)
    # Only now: a command that holds nothing need not import it.
    from envtool.temporary_folder import remove_held

    remove_held()
    os._exit(exit_status)


def _signal_descendants(started: dict[int, int], number: signal.Signals) -> None:
    """Send a signal to all descendants; `started` are those known so far, with a descriptor that means only them."""
    for process in _list_descendants(os.getpid()):
        with suppress(OSError):
            if process not in started:
                started[process] = os.pidfd_open(process)
    for descriptor in started.values():
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(descriptor, number)


def _list_descendants(process: int) -> Iterator[int]:
    """The processes that a process has started, and those that these have, the lowest first."""
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for word in (task / "children").read_text().split():
                yield from _list_descendants(int(word))
                yield int(word)
