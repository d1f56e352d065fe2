"""Has a process end with the one that started it, also where that one is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

# linux/prctl.h.
_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` dies, or end it now where that one is gone.

    Strictly, when the thread dies that started it, which therefore has to wait for it (prctl(2), "PR_SET_PDEATHSIG").
    A later change of the user takes it back. On other systems than Linux it does nothing.
    """
    if (prctl := _find_prctl()) is not None:
        _tie(prctl, parent)


def make_parent_death_hook() -> Callable[[], None] | None:
    """The same for a child of this process, to be called there; `None` where there is no such thing."""
    # Looked up here: between fork and exec a child of several threads should do as little as it can.
    prctl, parent = _find_prctl(), os.getpid()
    return None if prctl is None else lambda: _tie(prctl, parent)


def _find_prctl() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    found: Callable[[int, int], int] = ctypes.CDLL(None).prctl
    return found


def _tie(prctl: Callable[[int, int], int], parent: int) -> None:
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    # It may have died before the kernel was asked to tell.
    if os.getppid() != parent:
        os._exit(1)
