"""Parses a wheel's file name, and reads its metadata.

File name: binary distribution format, "File name convention". Records: the same, "The .dist-info directory".
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envtool.errors import HashError, SourceError
from envtool.language import tell
from envtool.wheel.zip_member import read_zip_member

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata
    from packaging.tags import Tag


@dataclass(frozen=True)
class WheelName:
    """What a wheel's file name says."""

    filename: str
    name: str
    version: str
    tags: frozenset[Tag]

    @classmethod
    def parse(cls, filename: str) -> WheelName:
        """Take a wheel's file name apart. Raises `SourceError` where it is not one."""
        try:
            name, version, _build, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename as error:
            raise SourceError(
                tell("{filename!r} is not the name of a wheel", filename=filename), why=str(error)
            ) from error
        return cls(filename, canonicalize_name(name), str(version), tags)

    def fits(self, supported: Iterable[Tag]) -> bool:
        """Whether an interpreter that supports `supported` can load the wheel."""
        return not self.tags.isdisjoint(supported)


@dataclass(frozen=True)
class StoredWheel:
    """A wheel on this machine's disk, with the sha256 it was checked against."""

    name: WheelName
    path: Path
    sha256: str


def compute_sha256(path: Path) -> str:
    """The sha256 of a file, in lower-case hexadecimal. Raises `SourceError` where it cannot be read."""
    try:
        # Not waiting: a pipe may have come in the file's place.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, tell("it is no regular file"))
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(tell("{path} cannot be read", path=path), why=str(error.strerror or error)) from error


def require_sha256(path: Path, expected: str, *, label: str | None = None) -> None:
    """Raise `HashError` unless the file at `path` has the sha256 `expected`."""
    found = compute_sha256(path)
    if found != expected:
        raise HashError(
            tell("{label} is not the file that was locked", label=label or path.name),
            why=tell("its sha256 should be {expected}, but is {found}", expected=expected, found=found),
            remedy=tell("check where it comes from (envtool vendor list); a good copy has that very sha256"),
        )


@contextmanager
def open_wheel(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive of a wheel. Raises `SourceError` where it is not a zip archive."""
    try:
        with _open_archive(path) as archive:
            yield archive
    except (OSError, zipfile.BadZipFile) as error:
        raise SourceError(
            tell("{name} is not a readable wheel", name=path.name),
            why=str(error),
            remedy=tell("fetch it again; the broken copy is {path}", path=path),
        ) from error


def _open_archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (NotImplementedError, ValueError) as error:
        # Of a version that there is not, or with a list of files where there can be none.
        raise zipfile.BadZipFile(str(error)) from error


def find_dist_info(archive: zipfile.ZipFile, wheel: WheelName) -> str:
    """The name of the wheel's `.dist-info` directory. Raises `SourceError` where it has none, or several."""
    found = {
        head
        for head in (name.split("/", 1)[0] for name in archive.namelist())
        if head.endswith(".dist-info") and canonicalize_name(head.split("-", 1)[0]) == wheel.name
    }
    if len(found) != 1:
        raise SourceError(
            tell(
                "{filename} has {found_count} .dist-info directories of its own, a wheel has one",
                filename=wheel.filename,
                found_count=len(found),
            ),
            remedy=tell("get the wheel from the vendor again"),
        )
    return found.pop()


def read_wheel_metadata(path: Path) -> RawMetadata:
    """The core metadata of a wheel on disk. Raises `SourceError`."""
    from packaging.metadata import parse_email

    wheel = WheelName.parse(path.name)
    with open_wheel(path) as archive:
        dist_info = find_dist_info(archive, wheel)
        try:
            text = read_zip_member(archive, f"{dist_info}/METADATA")
        except KeyError as error:
            raise SourceError(tell("{name} has no METADATA", name=path.name)) from error
    metadata, _unparsed = parse_email(text)
    return metadata
