"""What only one of the processes that tests are divided among does at a time, such as building an image they share."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / ".work"


@contextmanager
def one_process(what: str) -> Iterator[None]:
    """Wait until no other process is in a block of the same name."""
    _FOLDER.mkdir(exist_ok=True)
    with open(_FOLDER / f"{what}.lock", "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
