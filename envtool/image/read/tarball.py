"""Images in one tar stream: an OCI archive, or what `docker save` writes, from a file or straight from an engine.

A single pass, as blobs come in any order: each that may be a layer is read when it comes by, and at the end the
manifest tells which of them are the image's. Formats: OCI image layout; Docker Image Specification v1.2, "Combined
Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, cast

from envtool.documents import parse_json
from envtool.errors import ImageError
from envtool.image.read.forward import ForwardReader, iterate_members, open_archive, open_member
from envtool.image.read.image import StoredImage, make_stored_image
from envtool.image.read.layer import FileSelector, LayerContents, read_layer
from envtool.image.read.layer_limits import require_image_size, require_layer_count
from envtool.image.read.load import load_image
from envtool.image.read.manifest import Descriptor, make_unreadable_error, parse_image_document, require_digest
from envtool.language import tell

# A configuration with a long history has some hundred kilobytes.
_DOCUMENT_AT_MOST = 16 << 20
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")


@dataclass
class _ArchiveContents:
    """What came by: documents by name, layers by name, and names that are links to others."""

    documents: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, LayerContents] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def read_archive(
    stream: IO[bytes], reference: str, selector: FileSelector, platform: str, name: str | None = None
) -> StoredImage:
    """Read the archive's image, or the one that it has under `name`. Raises `ImageError`."""
    contents = _read_contents(stream, reference, selector)
    if "index.json" in contents.documents and "oci-layout" in contents.documents and name is None:
        return _read_layout(contents, reference, platform)
    rows = [row for row in _read_rows(contents, reference) if name is None or name in (row.get("RepoTags") or [])]
    if len(rows) != 1:
        tags = [tag for row in _read_rows(contents, reference) for tag in row.get("RepoTags") or ["untagged"]]
        raise ImageError(
            tell(
                "{reference} has several images" if rows else "{reference} has no image {name}",
                reference=reference,
                name=name,
            ),
            why=tell("it has {join}", join=", ".join(tags) or tell("none with a name")),
            remedy=tell(
                "name one of them: docker-archive:{reference}:{next}",
                reference=reference,
                next=next(iter(tags), "NAME:TAG"),
            ),
        )
    return _read_docker_archive(contents, reference, rows[0])


def _read_contents(stream: IO[bytes], reference: str, selector: FileSelector) -> _ArchiveContents:
    contents = _ArchiveContents()
    try:
        with open_archive(ForwardReader(stream)) as archive:
            for member in iterate_members(archive, needs_end_mark=True):
                _add_member(archive, member, contents, reference, selector)
    except (tarfile.TarError, EOFError) as error:
        raise ImageError(
            tell("{reference} is no image archive, or is cut off", reference=reference),
            why=str(error),
            remedy=tell("name an archive of `docker save` or of the OCI layout, and make it again"),
        ) from error
    if not {"index.json", "manifest.json"} & contents.documents.keys():
        raise ImageError(
            tell("{reference} is no image archive", reference=reference),
            why=tell("it has neither an index.json nor a manifest.json"),
            remedy=tell("name an archive of `docker save` or of the OCI layout"),
        )
    return contents


def _add_member(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    contents: _ArchiveContents,
    reference: str,
    selector: FileSelector,
) -> None:
    name = os.path.normpath(member.name)
    if member.issym() or member.islnk():
        base = "" if member.islnk() else name.rpartition("/")[0]
        contents.links[name] = os.path.normpath(f"{base}/{member.linkname}").lstrip("/")
        return
    if not member.isreg():
        return
    source = io.BufferedReader(cast("io.RawIOBase", open_member(archive, member)))
    start = source.peek(512)[:512]
    if start[:1] in {b"{", b"["} and member.size <= _DOCUMENT_AT_MOST:
        contents.documents[name] = source.read()
    elif start.startswith(_COMPRESSED) or start[257:262] == b"ustar" or not start.strip(b"\0"):
        # All zeros: an archive without entries, as an instruction makes that changes nothing.
        contents.layers[name] = read_layer(
            source, selector, name=tell("{name} in {reference}", name=name, reference=reference)
        )
        require_layer_count(contents.layers, reference)
        require_image_size(sum(layer.inflated for layer in contents.layers.values()), reference)


def _read_layout(contents: _ArchiveContents, reference: str, platform: str) -> StoredImage:
    def document(descriptor: Descriptor) -> bytes:
        data = contents.documents.get(descriptor.blob)
        if data is None:
            raise ImageError(
                tell("{reference} is not whole", reference=reference),
                why=tell("it lacks {digest}", digest=descriptor.digest),
                remedy=tell("save the image again"),
            )
        return data

    def layer(descriptor: Descriptor, number: int) -> LayerContents:
        return _find_layer(contents, descriptor.blob, reference, number)

    index = parse_image_document(
        contents.documents["index.json"], tell("the index of {reference}", reference=reference)
    )
    return load_image(reference, index, platform, manifest=document, configuration=document, layer=layer)


def _read_docker_archive(contents: _ArchiveContents, reference: str, row: Mapping[str, Any]) -> StoredImage:
    name = str(row.get("Config"))
    data = contents.documents.get(name)
    if data is None:
        raise ImageError(
            tell("{reference} is not whole", reference=reference),
            why=tell("it lacks {name}", name=name),
            remedy=tell("docker save it again"),
        )
    identity = f"sha256:{name.rpartition('/')[2].removesuffix('.json')}"
    configuration = parse_image_document(
        require_digest(data, identity, tell("the configuration of {reference}", reference=reference)), reference
    )
    require_layer_count(row.get("Layers") or [], reference)
    paths = enumerate(row.get("Layers") or [], 1)
    layers = [_find_layer(contents, path, reference, number) for number, path in paths]
    return make_stored_image(reference, identity, configuration, layers)


def _read_rows(contents: _ArchiveContents, reference: str) -> list[Mapping[str, Any]]:
    try:
        rows = parse_json(contents.documents.get("manifest.json", b"[]"))
    except ValueError as error:
        raise make_unreadable_error(tell("the manifest of {reference}", reference=reference), str(error)) from error
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _find_layer(contents: _ArchiveContents, path: str, reference: str, number: int) -> LayerContents:
    found = contents.layers.get(contents.links.get(path, path))
    if found is None:
        what = tell("layer {number} of {reference} is missing", number=number, reference=reference)
        raise ImageError(what, why=tell("{path} is not in it", path=path), remedy=tell("fetch or save the image again"))
    return found
