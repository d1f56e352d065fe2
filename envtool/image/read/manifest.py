"""Manifests and indexes: which of several is meant, and what they name.

Formats: OCI image specification, "Image Manifest" and "Image Index"; Docker's "Image Manifest V 2, Schema 2".
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envtool.documents import parse_json
from envtool.errors import ImageError
from envtool.language import join_messages, tell

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_NAME = "org.opencontainers.image.ref.name"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def get_host_platform() -> str:
    """The platform of this machine, as images spell it."""
    machine = platform.machine()
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"


@dataclass(frozen=True)
class Descriptor:
    """A blob that a document names: its digest and, if the document has it, its size in bytes."""

    digest: str
    size: int | None

    @property
    def blob(self) -> str:
        """Where an image layout keeps it."""
        return f"blobs/{self.digest.replace(':', '/')}"


@dataclass(frozen=True)
class Manifest:
    """An image's configuration and layers, by digest."""

    configuration: Descriptor
    layers: tuple[Descriptor, ...]


def parse_image_document(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object. Raises `ImageError`."""
    try:
        table = parse_json(data)
    except ValueError as error:
        raise make_unreadable_error(what, str(error)) from error
    if not isinstance(table, dict):
        raise make_unreadable_error(what, tell("it is no JSON object"))
    return table


def require_digest(data: bytes, digest: str, what: str) -> bytes:
    """The data, once they are found to have the digest. Raises `ImageError`."""
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != digest:
        raise digest_mismatch(what, digest, found)
    return data


def digest_mismatch(what: str, expected: str, found: str) -> ImageError:
    """The error for a blob that is not the one that was named."""
    return ImageError(
        tell("{what} is not the one that the image was made with", what=what),
        why=tell(
            "its digest should be {expected}, but is {found}: it was cut off or tampered with",
            expected=expected,
            found=found,
        ),
        remedy=tell("fetch or save the image again"),
    )


def is_index(table: Mapping[str, Any]) -> bool:
    """Whether it is an index (a manifest list) rather than a manifest."""
    return table.get("mediaType") in INDEXES or ("manifests" in table and "layers" not in table)


def select_manifest(table: Mapping[str, Any], wanted: str, what: str) -> Descriptor:
    """The manifest of an index for a platform. Raises `ImageError` where there is none, or more than one."""
    rows = [row for row in table.get("manifests") or [] if isinstance(row, dict) and not _is_attestation(row)]
    found = [row for row in rows if _parse_platform(row) in {wanted, ""}]
    # An exact match hides what names no platform; an archive of a single image names none.
    found = [row for row in found if _parse_platform(row)] or found
    if not found:
        there = join_messages(", ", sorted({_parse_platform(row) or tell("no platform") for row in rows})) or tell(
            "nothing"
        )
        raise ImageError(
            tell("{what} has no image for {wanted}", what=what, wanted=wanted),
            why=tell("it has {there}", there=there),
            remedy=tell("name one with --platform"),
        )
    if len({row.get("digest") for row in found}) > 1:
        raise ImageError(
            tell("{what} has several images for {wanted}", what=what, wanted=wanted),
            why=", ".join(str(_get_annotations(row).get(_NAME) or str(row.get("digest"))[:19]) for row in found),
            remedy=tell("save the one that is meant into an archive of its own"),
        )
    return _parse_descriptor(found[0], what)


def parse_manifest(table: Mapping[str, Any], what: str) -> Manifest:
    """What a manifest names. Raises `ImageError` for one of another kind, such as a chart's or schema 1's."""
    if table.get("schemaVersion") != 2 or not isinstance(table.get("layers"), list):
        raise make_unreadable_error(
            what,
            tell(
                "it is no image manifest of schema 2 ({kind})",
                kind=table["mediaType"] if "mediaType" in table else tell("no media type"),
            ),
        )
    configuration = table.get("config")
    if not isinstance(configuration, dict):
        raise make_unreadable_error(what, tell("it names no configuration"))
    return Manifest(
        _parse_descriptor(configuration, what), tuple(_parse_descriptor(row, what) for row in table["layers"])
    )


def _parse_descriptor(row: Mapping[str, Any], what: str) -> Descriptor:
    digest, size = row.get("digest"), row.get("size")
    if not isinstance(digest, str) or not digest.startswith("sha256:") or len(digest) != 71:
        raise make_unreadable_error(what, tell("{digest!r} is no sha256 digest", digest=digest))
    return Descriptor(digest, size if isinstance(size, int) else None)


def _parse_platform(row: Mapping[str, Any]) -> str:
    table = row.get("platform") or {}
    return f"{table.get('os')}/{table.get('architecture')}" if table.get("os") else ""


def _get_annotations(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return row.get("annotations") or {}


def _is_attestation(row: Mapping[str, Any]) -> bool:
    return "vnd.docker.reference.type" in _get_annotations(row) or _parse_platform(row) == "unknown/unknown"


def make_unreadable_error(what: str, why: str) -> ImageError:
    """The error for a document or a file of an image that cannot be read."""
    return ImageError(tell("{what} cannot be read", what=what), why=why, remedy=tell("fetch or save the image again"))
