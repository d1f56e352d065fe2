"""What only one of the processes that tests are divided among does at a time, or does for all of them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / ".work"


@contextmanager
def one_process(what: str) -> Iterator[None]:
    """Wait until no other process is in a block of the same name."""
    _FOLDER.mkdir(exist_ok=True)
    with open(_FOLDER / f"{what}.lock", "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def once_for_all(factory: pytest.TempPathFactory, what: str, make: Callable[[], str]) -> str:
    """What `make` gave to the first process of this run that asked; the others wait for it."""
    own = factory.getbasetemp()
    path = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / f"{what}.once"
    with one_process(what):
        if not path.exists():
            path.write_text(make())
        return path.read_text()
