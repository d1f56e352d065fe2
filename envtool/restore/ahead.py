"""Begins to lay out what a restore is certain to put in place while the environment is still being looked at.

Only what the store has unpacked: making its links keeps the kernel busy, while looking keeps Python busy, so that two
cores do both in the time of one. Nothing but the staging folder is touched; where the plan turns out otherwise, or
fails, that is cleared away.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from envtool.environment.prefix import Prefix
from envtool.environment.reader import Environment
from envtool.release.pin import PinnedDistribution
from envtool.release.version import versions_equal
from envtool.transaction.journal import delete_tree
from envtool.transaction.lock import prefix_lock, translate_os_errors
from envtool.transaction.permissions import umask_like
from envtool.transaction.staging import STAGING_NAME
from envtool.transaction.worker import die_with_parent, translate_worker_death
from envtool.wheel.store import FileStore

if TYPE_CHECKING:
    from envtool.transaction.move import Move
    from envtool.wheel.unpacked_store import UnpackedWheel

_Result = TypeVar("_Result")
# What the process that lays out has read, and goes on with.
_unpacked: dict[str, UnpackedWheel] = {}


@dataclass(frozen=True)
class IncomingDistribution:
    """A distribution that comes: its size in bytes, its wheel's sha256 and its `Requires-Dist` lines."""

    size: int
    sha256: str
    requires: tuple[str, ...]


class Ahead:
    """What a process lays out in the staging folder."""

    def __init__(self, prefix: Prefix, wanted: Sequence[PinnedDistribution], store: FileStore) -> None:
        self._staging = prefix.site_packages / STAGING_NAME
        self._pool = ProcessPoolExecutor(1, get_context("fork"), initializer=die_with_parent, initargs=(os.getpid(),))
        self._coming = self._pool.submit(_read, tuple(wanted), store)
        self._places = self._pool.submit(_lay_out, prefix)
        self._is_taken = False

    @property
    def coming(self) -> Mapping[str, IncomingDistribution]:
        """What will be there, by name. Raises `RestoreError` where the process that does it was killed."""
        return _answer(self._coming)

    def places(self, name: str) -> tuple[Move, ...]:
        """The steps that put a distribution in place, once all of it is laid out. Raises as `stage_wheel` does."""
        return _answer(self._places)[name]

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """In place of `journal.beginning`, for a block that goes on in this folder and ends by writing the journal."""
        yield
        self._is_taken = True

    def close(self) -> None:
        """Wait until nothing is written any more, and clear away what no journal speaks of."""
        self._pool.shutdown()
        if not self._is_taken:
            delete_tree(self._staging)


def certain(environment: Environment, pinned: Sequence[PinnedDistribution], *, force: bool) -> list[PinnedDistribution]:
    """Those of `pinned` that will be replaced whatever else is found."""
    return [
        item
        for item in pinned
        if force
        or not any(versions_equal(installed.version, item.version) for installed in environment.find(item.name))
    ]


@contextmanager
def laid_out_ahead(prefix: Prefix, wanted: Sequence[PinnedDistribution], store: FileStore) -> Iterator[Ahead]:
    """Lay `wanted` out in the staging folder meanwhile, holding the prefix's lock.

    Raises `RestoreError` where another change is at work or the prefix cannot be written.
    """
    staging = prefix.site_packages / STAGING_NAME
    with ExitStack() as held:
        with translate_os_errors(prefix.path):
            held.enter_context(prefix_lock(prefix.path, prefix.site_packages))
            with umask_like(prefix.site_packages):
                staging.mkdir()
        ahead = Ahead(prefix, wanted, store)
        try:
            yield ahead
        finally:
            ahead.close()


def _answer(future: Future[_Result]) -> _Result:
    with translate_worker_death():
        return future.result()


def _read(wanted: Sequence[PinnedDistribution], store: FileStore) -> dict[str, IncomingDistribution]:
    from envtool.wheel.unpacked_store import find_unpacked

    for item in wanted:
        assert item.wheel is not None
        assert item.sha256 is not None
        found = find_unpacked(item.wheel, item.sha256, store)
        if found is not None:
            _unpacked[item.name] = found
    return {
        name: IncomingDistribution(found.size, found.wheel.sha256, found.requires) for name, found in _unpacked.items()
    }


def _lay_out(prefix: Prefix) -> dict[str, tuple[Move, ...]]:
    from envtool.environment.install_layout import get_layout
    from envtool.wheel.hardlink import stage_links

    staging, layout = prefix.site_packages / STAGING_NAME, get_layout(prefix)
    with umask_like(prefix.site_packages):
        return {name: stage_links(found, layout, staging, requested=True) for name, found in _unpacked.items()}
