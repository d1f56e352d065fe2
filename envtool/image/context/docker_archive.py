"""An image that needs no builder: its layers are on this machine's disk, its configuration is made here.

An engine loads it as an archive and writes each file once. To build the same from a context, Docker's classic builder
writes each file four times, and the image's id depends on the time.

Formats: Docker image specification 1.2, "Combined Image JSON + Filesystem Changeset Format"; OCI image specification,
"Image Configuration".
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.image.layers.tar_stream import END, render_header, render_padding

if TYPE_CHECKING:
    from envtool.image.context.dockerfile_config import Configuration

_BLOCK = 4 << 20


@dataclass(frozen=True)
class LayerStep:
    """One entry of an image's history, and the layer that it added, or `None`; `diff_id` is that layer's digest."""

    created_by: str
    layer: Path | None = None
    diff_id: str | None = None


@dataclass(frozen=True)
class LoadableImage:
    """An image by its tags, its configuration and its history, the oldest first. `epoch` is when it was made."""

    tags: tuple[str, ...]
    configuration: Configuration
    history: tuple[LayerStep, ...]
    epoch: int

    @property
    def layers(self) -> tuple[Path, ...]:
        """The layers' archives, the lowest first."""
        return tuple(item.layer for item in self.history if item.layer is not None)

    @cached_property
    def diff_ids(self) -> tuple[str, ...]:
        """The layers' digests; unknown ones are computed."""
        return tuple(item.diff_id or _digest(item.layer) for item in self.history if item.layer is not None)

    def archive(self, known: Sequence[str] = ()) -> Iterator[bytes]:
        """The archive. `known` are the digests of the lowest layers, which the engine has: they are left out."""
        diff_ids = self.diff_ids
        present = len(known) if tuple(known) == diff_ids[: len(known)] else 0
        document = self._document()
        name = f"{hashlib.sha256(document).hexdigest()}.json"
        names = [f"{digest.removeprefix('sha256:')}.tar" for digest in diff_ids]
        for path, target in zip(self.layers[present:], names[present:], strict=True):
            yield from _make_member(target, path.stat().st_size, _read_blocks(path))
        yield from _make_member(name, len(document), [document])
        manifest = json.dumps([{"Config": name, "RepoTags": list(self.tags), "Layers": names}]).encode()
        yield from _make_member("manifest.json", len(manifest), [manifest])
        yield END

    @property
    def identity(self) -> str:
        """The image's id in an engine that keeps images by their configuration."""
        return f"sha256:{hashlib.sha256(self._document()).hexdigest()}"

    def _document(self) -> bytes:
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.epoch))
        history = [
            {"created": created, "created_by": item.created_by, **({} if item.layer else {"empty_layer": True})}
            for item in self.history
        ]
        document = {
            "architecture": "amd64",
            "os": "linux",
            "created": created,
            "config": {key: value for key, value in self.configuration.items() if value is not None},
            "rootfs": {"type": "layers", "diff_ids": list(self.diff_ids)},
            "history": history,
        }
        return json.dumps(document, sort_keys=True).encode()


def _digest(path: Path) -> str:
    with open(path, "rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _read_blocks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _make_member(name: str, size: int, blocks: Iterator[bytes] | Sequence[bytes]) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size = size
    yield render_header(info)
    yield from blocks
    yield render_padding(size)
