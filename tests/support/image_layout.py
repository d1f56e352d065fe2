"""Writes small images in the OCI image layout, and serves them as a registry does; for tests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.http_server import Handler, serve

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
# A layer as a list of paths and contents; `None` is a folder, and a text that begins with -> a link.
Files = Mapping[str, bytes | str | None]


def layer(files: Files) -> bytes:
    """A layer's plain archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content.removeprefix("->")
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def digest_of(data: bytes) -> str:
    """As images spell it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Layout:
    """An image in the making: blobs by digest, and the index."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    index: list[dict[str, Any]] = field(default_factory=list)

    def blob(self, data: bytes) -> dict[str, Any]:
        """Keep a blob and return its descriptor."""
        self.blobs[digest_of(data)] = data
        return {"digest": digest_of(data), "size": len(data)}

    def image(
        self,
        layers: Sequence[Files],
        history: Sequence[Mapping[str, Any]] = (),
        settings: Mapping[str, Any] | None = None,
        *,
        packed: Callable[[bytes], bytes] = gzip.compress,
        platform: str = "linux/amd64",
    ) -> str:
        """Add an image and return its manifest's digest."""
        plain = [layer(files) for files in layers]
        system, architecture = platform.split("/")
        configuration = {
            "os": system,
            "architecture": architecture,
            "config": dict(settings or {}),
            "rootfs": {"type": "layers", "diff_ids": [digest_of(data) for data in plain]},
            "history": list(history) or [{"created_by": f"RUN step {n}"} for n in range(1, len(plain) + 1)],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(json.dumps(configuration).encode()),
            "layers": [self.blob(packed(data)) for data in plain],
        }
        named = self.blob(json.dumps(manifest).encode())
        self.index.append({**named, "mediaType": MANIFEST, "platform": {"os": system, "architecture": architecture}})
        return str(named["digest"])

    @property
    def index_document(self) -> bytes:
        """The index of all images added."""
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.index}).encode()

    def files(self) -> dict[str, bytes]:
        """The layout's files by path."""
        found = {f"blobs/{digest.replace(':', '/')}": data for digest, data in self.blobs.items()}
        return {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": self.index_document, **found}

    def write(self, folder: Path) -> Path:
        """Lay it out as a folder."""
        for name, data in self.files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder

    def archive(self, path: Path) -> Path:
        """Write it as an OCI archive."""
        path.write_bytes(layer(self.files()))
        return path


# What a registry does instead of answering well: given the path, a status and headers, or nothing for a good answer.
Fault = Callable[[str], tuple[int, Mapping[str, str]] | None]


@contextmanager
def registry(layout: Layout, name: str, fault: Fault = lambda _path: None) -> Iterator[str]:
    """Serve a layout on loopback as the repository `name`, with its index as `latest`; yields `host:port/name`."""

    class RegistryHandler(Handler):
        def answer(self) -> None:
            told = fault(self.path)
            target = self.path.rpartition("/")[2]
            data = layout.index_document if target == "latest" else layout.blobs.get(target)
            if told is None:
                told = (200, {}) if data is not None else (404, {})
            status, headers = told
            self.send(status, data if status == 200 and data is not None else b"{}", headers)

    with serve(RegistryHandler) as port:
        yield f"127.0.0.1:{port}/{name}"
