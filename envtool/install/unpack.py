"""Unpacks a wheel into a staging folder, on all cores, checking each file against RECORD as it is written.

Formats: binary distribution format, "What's the point of adding metadata"/"The .data directory"; APPNOTE.TXT
4.3 for the zip local header. Everything in the archive is checked before the first byte is written.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import HashError, SourceError
from envtool.vendor.record import Record, RecordRow, parse_record
from envtool.vendor.wheel import StoredWheel, dist_info_of, opened_wheel

Progress = Callable[[int], None]
_CHUNK = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_UNHASHED = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s"})


@dataclass(frozen=True)
class Member:
    """One file of the archive: where its data are and what RECORD says of it."""

    path: str
    offset: int
    compressed: int
    size: int
    method: int
    executable: bool
    sha256: str | None


@dataclass(frozen=True)
class WheelContents:
    """A wheel that was read and found sound."""

    wheel: StoredWheel
    dist_info: str
    record: Record
    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        """Bytes once unpacked."""
        return sum(member.size for member in self.members)


def read_contents(wheel: StoredWheel) -> WheelContents:
    """Read and check a wheel's list of files. Raises `SourceError` for one that must not be installed."""
    with opened_wheel(wheel.path) as archive:
        dist_info = dist_info_of(archive, wheel.name)
        try:
            record = parse_record(archive.read(f"{dist_info}/RECORD"))
        except (KeyError, zlib.error, RuntimeError) as error:
            raise _refused(wheel, "it has no readable RECORD") from error
        listed = {row.path: row for row in record.rows}
        members = tuple(_members(wheel, archive, dist_info, listed))
    absent = listed.keys() - {member.path for member in members}
    if absent:
        raise _refused(wheel, f"RECORD lists {len(absent)} files that are not in it, such as {min(absent)}")
    return WheelContents(wheel, dist_info, record, members)


def _members(
    wheel: StoredWheel, archive: zipfile.ZipFile, dist_info: str, listed: dict[str, RecordRow]
) -> Iterator[Member]:
    seen: set[str] = set()
    for info in archive.infolist():
        if info.is_dir():
            continue
        path = info.filename
        _require_plain_path(wheel, path)
        if path.casefold() in seen:
            raise _refused(wheel, f"{path} is in it twice, or in two spellings")
        seen.add(path.casefold())
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
            raise _refused(wheel, f"{path} is not a regular file")
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or info.flag_bits & 1:
            raise _refused(wheel, f"{path} is encrypted or compressed in a way that wheels are not")
        row = listed.get(path)
        unhashed = path.startswith(f"{dist_info}/") and path.rsplit("/", 1)[1] in _UNHASHED
        if not unhashed and (row is None or row.sha256 is None):
            raise _refused(wheel, f"RECORD has no sha256 for {path}")
        if row is not None and row.size is not None and row.size != info.file_size:
            raise _refused(wheel, f"{path} has {info.file_size} bytes, RECORD says {row.size}")
        yield Member(
            path,
            info.header_offset,
            info.compress_size,
            info.file_size,
            info.compress_type,
            bool(mode & 0o111),
            None if unhashed or row is None else row.sha256,
        )


def _require_plain_path(wheel: StoredWheel, path: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or "\0" in path or {"", ".", ".."} & set(parts):
        raise _refused(wheel, f"it wants to write to {path!r}, outside the place of a wheel's files")


def _refused(wheel: StoredWheel, why: str) -> SourceError:
    return SourceError(
        f"{wheel.name.filename} is not installed: it is not a sound wheel",
        why=why,
        remedy="get the wheel from the vendor again; nothing was changed",
    )


def unpack(contents: WheelContents, target: Path, progress: Progress = lambda _bytes: None) -> None:
    """Write all of a wheel's files below `target`, an empty folder.

    `progress` is told of bytes written. Raises `HashError` where a file is not what RECORD says it is.
    """
    for folder in sorted({os.path.dirname(member.path) for member in contents.members}):  # noqa: PTH120
        (target / folder).mkdir(parents=True, exist_ok=True)
    source = os.open(contents.wheel.path, os.O_RDONLY)
    try:
        # Largest first: one library is half of torch, and must not start last.
        order = sorted(contents.members, key=lambda member: member.size, reverse=True)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for _ in pool.map(lambda member: _write(source, contents, member, target, progress), order):
                pass
    finally:
        os.close(source)


def _write(source: int, contents: WheelContents, member: Member, target: Path, progress: Progress) -> None:
    digest = hashlib.sha256()
    written = 0
    mode = 0o777 if member.executable else 0o666
    handle = os.open(f"{target}/{member.path}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(handle, "wb") as stream:
        for block in _inflate(source, contents.wheel, member):
            written += len(block)
            if written > member.size:
                break
            digest.update(block)
            stream.write(block)
            progress(len(block))
    if written != member.size or (member.sha256 is not None and digest.hexdigest() != member.sha256):
        raise HashError(
            f"{member.path} in {contents.wheel.name.filename} is not the file that its RECORD lists",
            why="the wheel is damaged or was tampered with",
            remedy="get the wheel from the vendor again; nothing was changed",
        )


def _inflate(source: int, wheel: StoredWheel, member: Member) -> Iterator[bytes]:
    """The member's bytes in blocks of bounded size, read by position so that threads share one handle."""
    signature, name_length, extra_length = _LOCAL_HEADER.unpack(os.pread(source, _LOCAL_HEADER.size, member.offset))
    if signature != b"PK\x03\x04":
        raise _refused(wheel, f"the archive is damaged at {member.path}")
    position = member.offset + _LOCAL_HEADER.size + name_length + extra_length
    end = position + member.compressed
    inflater = zlib.decompressobj(-15) if member.method == zipfile.ZIP_DEFLATED else None
    try:
        while position < end:
            block = os.pread(source, min(_CHUNK, end - position), position)
            if not block:
                break
            position += len(block)
            if inflater is None:
                yield block
                continue
            # max_length keeps a small block that inflates to gigabytes from filling the memory.
            while block:
                yield inflater.decompress(block, 4 * _CHUNK)
                block = inflater.unconsumed_tail
        if inflater is not None:
            yield inflater.flush()
    except zlib.error as error:
        raise _refused(wheel, f"the archive is damaged at {member.path}: {error}") from error
