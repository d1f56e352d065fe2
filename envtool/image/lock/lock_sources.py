"""What a lock is resolved from: a base, a conda channel and the vendor's wheels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from envtool.image.lock.lockfile import LockedBase
    from envtool.release.source.interface import Source
    from envtool.wheel.store import FileStore


class LockSources(Protocol):
    """Where an image's inputs are resolved."""

    def lock_base(self, store: FileStore) -> LockedBase:
        """Lock the base as it is now; a bootstrapped one is put into the store."""

    def channel_map(self) -> Mapping[str, str]:
        """Map a channel's address, as a lock names it, to its actual address."""

    def vendor(self) -> Sequence[Source]:
        """Return the vendor sources."""


def find_vendor_program(sources: LockSources, name: str) -> Path | None:
    """Find a program beside the vendor's wheels."""
    return next((path for source in sources.vendor() if (path := source.find_tool(name)) is not None), None)
