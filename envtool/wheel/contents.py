"""Reads and checks a wheel's list of files, and unpacks them.

Formats: binary distribution format, "What's the point of adding metadata"/"The .data directory"; APPNOTE.TXT for zip.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from envtool.errors import SourceError
from envtool.language import tell
from envtool.wheel.archive import ArchiveMember
from envtool.wheel.extract import ExtractJob, extract_all
from envtool.wheel.name import StoredWheel, find_dist_info, open_wheel
from envtool.wheel.record import Record, RecordRow, parse_record
from envtool.wheel.zip_member import read_zip_member

FileProgress = Callable[[int], None]
# What deflate can make of a byte at the most (zlib, "Technical Details"), and of an empty block.
_MOST_FOR_A_BYTE, _MOST_FOR_NOTHING = 1032, 64
# More than this many bytes at more than this ratio is a bomb: torch as a whole is packed to a quarter.
_BOMB_SIZE, _BOMB_RATIO = 1 << 30, 100
_UNHASHED = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s"})


@dataclass(frozen=True, kw_only=True)
class WheelContents:
    """A wheel that was read and found sound. `requires` are its `Requires-Dist` lines."""

    wheel: StoredWheel
    dist_info: str
    record: Record
    members: tuple[ArchiveMember, ...]
    requires: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes once unpacked."""
        return sum(member.size for member in self.members)

    def own_members(self) -> tuple[ArchiveMember, ...]:
        """The members that an install changes or puts outside site-packages."""
        return tuple(member for member in self.members if member.path.startswith(self._own_folders))

    def shared_members(self) -> tuple[ArchiveMember, ...]:
        """The members that an install puts into site-packages unchanged."""
        return tuple(member for member in self.members if not member.path.startswith(self._own_folders))

    @property
    def _own_folders(self) -> tuple[str, str]:
        return f"{self.dist_info}/", f"{self.dist_info.removesuffix('.dist-info')}.data/"


def read_contents(wheel: StoredWheel) -> WheelContents:
    """Read and check a wheel's list of files. Raises `SourceError` for one that must not be installed."""
    from packaging.metadata import parse_email

    with open_wheel(wheel.path) as archive:
        dist_info = find_dist_info(archive, wheel.name)
        try:
            record = parse_record(read_zip_member(archive, f"{dist_info}/RECORD"))
            requires = parse_email(read_zip_member(archive, f"{dist_info}/METADATA"))[0].get("requires_dist", ())
        except (KeyError, zipfile.BadZipFile) as error:
            raise _build_error(wheel, tell("it has no readable RECORD or METADATA")) from error
        listed = {row.path: row for row in record.rows}
        members = tuple(_read_members(wheel, archive, dist_info, listed))
        _require_distinct_places(wheel, members, archive.start_dir)
    _require_plausible_sizes(wheel, members)
    absent = listed.keys() - {member.path for member in members}
    if absent:
        raise _build_error(
            wheel,
            tell("RECORD lists {count} files that are not in it, such as {path}", count=len(absent), path=min(absent)),
        )
    return WheelContents(wheel=wheel, dist_info=dist_info, record=record, members=members, requires=tuple(requires))


def _read_members(
    wheel: StoredWheel, archive: zipfile.ZipFile, dist_info: str, listed: dict[str, RecordRow]
) -> Iterator[ArchiveMember]:
    seen: set[str] = set()
    for info in archive.infolist():
        if info.is_dir():
            continue
        path = info.filename
        _require_plain_path(wheel, path)
        if path.casefold() in seen:
            raise _build_error(wheel, tell("{path} is in it twice, or in two spellings", path=path))
        seen.add(path.casefold())
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
            raise _build_error(wheel, tell("{path} is not a regular file", path=path))
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or info.flag_bits & 1:
            raise _build_error(wheel, tell("{path} is encrypted or compressed in a way that wheels are not", path=path))
        row = listed.get(path)
        unhashed = path.startswith(f"{dist_info}/") and path.rsplit("/", 1)[1] in _UNHASHED
        if not unhashed and (row is None or row.sha256 is None):
            raise _build_error(wheel, tell("RECORD has no sha256 for {path}", path=path))
        if row is not None and row.size is not None and row.size != info.file_size:
            raise _build_error(
                wheel,
                tell(
                    "{path} has {size} bytes, RECORD says {recorded}",
                    path=path,
                    size=info.file_size,
                    recorded=row.size,
                ),
            )
        yield ArchiveMember(
            path=path,
            offset=info.header_offset,
            compressed=info.compress_size,
            size=info.file_size,
            method=info.compress_type,
            executable=bool(mode & 0o111),
            sha256=None if unhashed or row is None else row.sha256,
        )


def _require_distinct_places(wheel: StoredWheel, members: Iterable[ArchiveMember], end: int) -> None:
    """No two files may share bytes of the archive, nor one be the folder that another is in."""
    spans = sorted((member.offset, member.offset + member.compressed, member.path) for member in members)
    for (_start, stop, path), (start, _stop, other) in pairwise([*spans, (end, end, tell("the list of files"))]):
        if stop > start:
            raise _build_error(wheel, tell("{path} and {other} overlap in the archive", path=path, other=other))
    files = {path for _start, _stop, path in spans}
    for path in files:
        parents = path.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            if "/".join(parents[:depth]) in files:
                path = "/".join(parents[:depth])
                raise _build_error(wheel, tell("{path} is a file and a folder in it", path=path))


def _require_plausible_sizes(wheel: StoredWheel, members: Sequence[ArchiveMember]) -> None:
    for member in members:
        most = member.compressed
        if member.method == zipfile.ZIP_DEFLATED:
            most = member.compressed * _MOST_FOR_A_BYTE + _MOST_FOR_NOTHING
        if member.size > most:
            raise _build_error(
                wheel,
                tell("{path} claims {size} bytes, which its data cannot hold", path=member.path, size=member.size),
            )
    size, packed = sum(member.size for member in members), sum(member.compressed for member in members)
    if size > _BOMB_SIZE and size > packed * _BOMB_RATIO:
        raise _build_error(
            wheel,
            tell(
                "{packed} bytes would become {size}, as in an archive made to fill the disk", packed=packed, size=size
            ),
        )


def _require_plain_path(wheel: StoredWheel, path: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or "\0" in path or {"", ".", ".."} & set(parts):
        raise _build_error(
            wheel, tell("it wants to write to {path!r}, outside the place of a wheel's files", path=path)
        )


def _build_error(wheel: StoredWheel, why: str) -> SourceError:
    return SourceError(
        tell("{filename} is not installed: it is not a sound wheel", filename=wheel.name.filename),
        why=why,
        remedy=tell("get the wheel from the vendor again; nothing was changed"),
    )


def bind_progress(name: str, total: int, progress: Callable[[str, int, int], None]) -> FileProgress:
    """Announce a task of `total` bytes to `progress`, and return what reports bytes of it."""
    progress(name, 0, total)
    return lambda count: progress(name, count, total)


def unpack(
    contents: WheelContents,
    target: Path,
    progress: FileProgress = lambda _bytes: None,
    members: Sequence[ArchiveMember] | None = None,
) -> None:
    """Write a wheel's files, or only `members`, below the empty folder `target`.

    `progress` gets bytes written. Raises `HashError` where a file is not what RECORD says it is, `SourceError`
    where the archive is damaged and `OSError` where the folder cannot be written.
    """
    wanted = contents.members if members is None else tuple(members)
    target.mkdir(exist_ok=True)
    path, name = str(contents.wheel.path), contents.wheel.name.filename
    extract_all(ExtractJob(path, name, str(target), wanted), progress)


def verify_contents(contents: WheelContents) -> None:
    """Check every file of a wheel against RECORD without writing one.

    Raises `HashError` and `SourceError`.
    """
    wanted = ExtractJob(str(contents.wheel.path), contents.wheel.name.filename, None, contents.members)
    extract_all(wanted, lambda _bytes: None)
