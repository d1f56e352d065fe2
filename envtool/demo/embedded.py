"""The embedded default as image sources: bootstrapped base, local channel, stand-in vendor release."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.demo.bootstrap import Bootstrap, bootstrap
from envtool.demo.conda_packages import list_debian_packages, make_channel
from envtool.demo.vendor_release import write_release
from envtool.errors import LockError
from envtool.image.inputs.base_layers import read_local_layer
from envtool.image.lock.lockfile import LockedBase
from envtool.language import tell
from envtool.release.source.folder import FolderSource
from envtool.wheel.name import compute_sha256

if TYPE_CHECKING:
    from envtool.image.read.layer import LayerContents
    from envtool.image.spec.table import ImageSpec
    from envtool.release.source.interface import Source
    from envtool.wheel.store import FileStore

# The address that locks name the embedded channel by; `.invalid` never resolves (RFC 2606).
CHANNEL = "https://hac-envtool.invalid/embedded"
FOLDER = Path(".work/embedded")


# Not frozen: cached_property writes to the instance.
@dataclass
class EmbeddedSources:
    """Makes each input when it is first asked for, in a folder of the checkout."""

    spec: ImageSpec
    say: Callable[[str], None]

    @property
    def _folder(self) -> Path:
        return self.spec.project / FOLDER / self.spec.name

    @cached_property
    def _bootstrap(self) -> Bootstrap:
        base = self.spec.base
        if base.bootstrap is None:
            raise LockError(
                tell("{name} cannot be made from the embedded default", name=self.spec.name),
                why=tell("its base is to be pulled"),
            )
        self.say(tell("bootstrapping a Debian {suite} base (about 20 seconds)", suite=base.bootstrap))
        further = list_debian_packages() if self.spec.has_own_environment else ()
        return bootstrap(base.bootstrap, base.packages, further, self.spec.epoch, self._folder)

    @cached_property
    def _channel(self) -> Path:
        channel = self._folder / "channel"
        debs = self._bootstrap.debs
        self.say(tell("making the local conda channel from Debian's packages"))
        make_channel(debs, channel, self.spec.epoch)
        return channel

    @cached_property
    def _release(self) -> FolderSource:
        folder = self._folder / "vendor"
        write_release(folder, self.spec.python)
        return FolderSource(folder)

    def lock_base(self, store: FileStore) -> LockedBase:
        """Bootstrap the base and put it into the store."""
        made = self._bootstrap
        path = store.add(made.tar, name="base.tar")
        if self.spec.has_own_environment:
            # The channel comes from the same run; in the store, it serves the next build as well.
            for package in self._channel.rglob("*.conda"):
                store.add(package)
        return LockedBase(f"sha256:{path.parent.name}", None, made.packages)

    def base_archive(self, base: LockedBase, store: FileStore) -> Path | None:
        """The locked base: from the store, else bootstrapped anew, if that still gives the same."""
        stored = store.find(base.sha256)
        if stored is not None:
            return stored
        made = self._bootstrap
        if compute_sha256(made.tar) != base.sha256:
            moved = sorted(set(base.packages) ^ set(made.packages))
            raise LockError(
                tell("Debian's packages have moved on since the base was locked"),
                why=", ".join(moved[:6]) or tell("the same packages give another archive"),
                remedy="envtool lock --demo",
            )
        return store.add(made.tar, expected=base.sha256, name="base.tar")

    def base_layers(self, base: LockedBase, archive: Path | None) -> Sequence[LayerContents]:  # noqa: ARG002
        """Out of the archive."""
        assert archive is not None
        return (read_local_layer(archive),)

    def channel_map(self) -> Mapping[str, str]:
        """The embedded channel, made if need be."""
        return {CHANNEL: self._channel.absolute().as_uri()}

    def vendor(self) -> Sequence[Source]:
        """The stand-in release."""
        return (self._release,)
