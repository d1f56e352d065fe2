"""Where an image's inputs come from: the only difference between the embedded default and released images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from envtool.errors import LockError
from envtool.image.engine.client import Engine, find_engine
from envtool.image.inputs.base_layers import BASE_SELECTOR
from envtool.image.lock.lock_sources import LockSources
from envtool.image.lock.lockfile import LockedBase
from envtool.image.read.reference import read_image
from envtool.language import tell

if TYPE_CHECKING:
    from envtool.image.read.layer import LayerContents
    from envtool.image.spec.table import ImageSpec
    from envtool.release.source.interface import Source
    from envtool.wheel.store import FileStore


class ImageSources(LockSources, Protocol):
    """Where an image's inputs are fetched: the same places that its lock was resolved from."""

    def base_archive(self, base: LockedBase, store: FileStore) -> Path | None:
        """The archive of a bootstrapped base, `None` for one that is pulled. Raises `LockError` if it moved on."""

    def base_layers(self, base: LockedBase, archive: Path | None) -> Sequence[LayerContents]:
        """What `BASE_SELECTOR` wants of the base, whose archive is given if it has one. Raises `ImageError`."""


@dataclass(frozen=True)
class ReleasedSources:
    """Real ones: conda-forge, the configured vendor sources, a base pulled by digest."""

    spec: ImageSpec
    vendor_sources: tuple[Source, ...]
    engine: Engine | None

    def lock_base(self, store: FileStore) -> LockedBase:  # noqa: ARG002
        """Pull the base and note its digest."""
        reference = self.spec.base.reference
        if reference is None or self.engine is None:
            raise LockError(
                tell("{name} has no base to pull", name=self.spec.name), why=tell("its base names no reference")
            )
        return LockedBase(self.engine.pull(reference), reference, ())

    def base_archive(self, base: LockedBase, store: FileStore) -> Path | None:  # noqa: ARG002
        """A pulled base has none."""
        return None

    def base_layers(self, base: LockedBase, archive: Path | None) -> Sequence[LayerContents]:  # noqa: ARG002
        """Read them out of the engine, which pulls the base if need be and does not run it."""
        reference = base.by_digest
        assert reference is not None
        engine = self.engine or find_engine(self.spec.project)
        if not engine.inspect_image(reference):
            engine.pull(reference)
        return read_image(f"docker-daemon:{reference}", BASE_SELECTOR, project=self.spec.project).layers

    def channel_map(self) -> Mapping[str, str]:
        """Channels are where their names say."""
        return {}

    def vendor(self) -> Sequence[Source]:
        """The configured sources."""
        return self.vendor_sources
