"""How long work reports how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

# What is worked on, how much of it is done, and how much there is: bytes or items.
Progress = Callable[[str, int, int], None]

# Opens a progress display with a title.
ProgressDisplay = Callable[[str], AbstractContextManager[Progress]]


def open_silent_display(_title: str) -> AbstractContextManager[Progress]:
    """A display that shows nothing."""
    return nullcontext(lambda _name, _done, _total: None)
