"""One layer's archive → what matters of it, in a single pass, with its digests.

Formats: OCI image specification, "Image Layer Filesystem Changeset" (whiteouts, opaque whiteouts, compression).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, Any, cast

from envtool.errors import ImageError
from envtool.image.read.forward import iterate_members, open_archive, open_member
from envtool.image.read.hashing import HashingReader
from envtool.image.read.layer_limits import LayerLimitError, LayerUse, make_limit_error, require_inflated_size
from envtool.language import tell

_open_gzip: Any = gzip.open
_NotGzip: Any = zlib.error
try:
    # Three times as fast as zlib, but not available for every processor.
    from isal import igzip, igzip_lib

    _open_gzip, _NotGzip = igzip.open, igzip_lib.error
except ImportError:
    pass
try:
    import zstandard

    _NotZstd: Any = zstandard.ZstdError
except ImportError:
    zstandard, _NotZstd = None, EOFError  # type: ignore[assignment]

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BLOCK = 1 << 20
# A file that runs with its owner's or group's rights is always of interest.
_SPECIAL_MODES = stat.S_ISUID | stat.S_ISGID
# What is kept of a file at the most: RECORD and METADATA of a torch have some megabytes.
_KEPT_AT_MOST = 8 << 20


class Kind(Enum):
    """What an entry is; devices, sockets and the like are `OTHER`."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


class Capture(Enum):
    """What is captured of a file: nothing, that it is there, its sha256 too, its content too, or a copy on disk.

    The selector's `spool` makes that copy, if it does.
    """

    NOTHING = 0
    ENTRY = 1
    HASHED = 2
    DATA = 3
    SPOOLED = 4


@dataclass(frozen=True)
class FileSelector:
    """What to capture of a file, by its path and its size in bytes; `spool` may copy its content to disk.

    `inspect` is shown the content of files for which `may_inspect` says so, and returns what is to be remarked of them.
    `condense` makes what is kept in place of a content that is too large to be kept, if anything is.
    `keeps_links`: every symbolic link is captured, as where a path leads may depend on any. `shared` has layers that
    other images of the same call have as well.
    """

    capture: Callable[[str, int], Capture]
    spool: Callable[[IO[bytes]], Path | None] = lambda _stream: None
    may_inspect: Callable[[str, int], bool] = lambda _path, _size: False
    inspect: Callable[[str, bytes], tuple[str, ...]] = lambda _path, _data: ()
    condense: Callable[[str, IO[bytes]], bytes | None] = lambda _path, _stream: None
    keeps_links: bool = False
    shared: LayerCache | None = None


CAPTURE_NOTHING = FileSelector(lambda _path, _size: Capture.NOTHING)


@dataclass(frozen=True, kw_only=True)
class LayerEntry:
    """One entry of a layer. `mode` and `owner` are tar's, `target` is a link's.

    `sha256` of a file and `data`, its content, are there where they were captured; `spooled` is the copy on disk.
    `remarks` are what the selector's inspection said of its content.
    """

    path: str
    kind: Kind
    size: int
    mode: int
    owner: int
    target: str = ""
    sha256: str | None = None
    data: bytes | None = None
    spooled: Path | None = None
    remarks: tuple[str, ...] = ()

    def has_same_content(self, other: LayerEntry) -> bool:
        """Whether both have the same content, as far as it was captured."""
        if (self.kind, self.target, self.size) != (other.kind, other.target, other.size):
            return False
        return self.sha256 == other.sha256


@dataclass(frozen=True, kw_only=True)
class LayerContents:
    """What was read of a layer. `digest` is of the bytes as stored, `diff_id` of the plain archive.

    `files` and `size` count all regular files and their bytes. `non_folders` are paths that were not captured and are
    no folders: they hide what lower layers have below them. `inflated` are the bytes of the plain archive.
    """

    digest: str
    diff_id: str
    entries: Mapping[str, LayerEntry]
    whiteouts: frozenset[str]
    opaque: frozenset[str]
    non_folders: frozenset[str]
    files: int
    size: int
    # Of how it was read, and not of what is in it.
    inflated: int = field(default=0, compare=False)


@dataclass(frozen=True)
class LayerCache:
    """Layers that several images share, by digest: read once, by whichever image comes first; others wait for it."""

    found: dict[str, Future[LayerContents]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def get(self, digest: str, read: Callable[[], LayerContents]) -> LayerContents:
        """The layer with a digest. One that could not be read is tried anew by whoever asks next."""
        with self.lock:
            future = self.found.get(digest)
            is_first = future is None
            if future is None:
                future = self.found[digest] = Future()
        if not is_first:
            return future.result()
        try:
            future.set_result(read())
        except BaseException as error:
            with self.lock:
                del self.found[digest]
            future.set_exception(error)
            raise
        return future.result()


def read_layer(stream: IO[bytes], selector: FileSelector, *, name: str) -> LayerContents:
    """Read a layer to its end.

    Raises `ImageError` for one that is cut off, damaged, packed in an unknown way or beyond `layer_limits`.
    """
    try:
        with ThreadPoolExecutor(1) as hashing:
            return _read(stream, hashing, LayerIndexer(selector=selector))
    except LayerLimitError as error:
        raise make_limit_error(name, error) from error
    except (tarfile.TarError, EOFError, zlib.error, _NotGzip, _NotZstd, OSError, ValueError) as error:
        if isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.errno is not None):
            # Not the layer's fault but the disk's, or that of an engine which has stopped sending.
            raise
        raise ImageError(
            tell("{name} cannot be read as a layer", name=name),
            why=tell("it is cut off or damaged: {error}", error=error),
            remedy=tell("fetch or save the image again"),
        ) from error


def _read(stream: IO[bytes], hashing: ThreadPoolExecutor, listing: LayerIndexer) -> LayerContents:
    stored = HashingReader(stream, hashing)
    inflated = _inflate(stored)
    plain = stored if inflated is None else HashingReader(inflated, hashing, require_inflated_size)
    with open_archive(plain) as archive:
        for member in iterate_members(archive):
            listing.add(member, partial(open_member, archive, member))
    # Past the end of the archive as well, whose padding belongs to the digests.
    diff_id = plain.hexdigest()
    return replace(listing.contents(stored.hexdigest(), diff_id), inflated=plain.tell())


def _inflate(stored: HashingReader) -> IO[bytes] | None:
    """The archive within a compressed one."""
    start = stored.peek(4)
    if start.startswith(_GZIP):
        open_data: IO[bytes] = _open_gzip(stored, "rb")
        return open_data
    if start != _ZSTD:
        return None
    if zstandard is None:
        raise ImageError(
            tell("a layer is packed with zstd, which this installation cannot unpack"),
            why=tell("the library zstandard is missing"),
            remedy=tell("make venv   (or: uv tool install '.[image]')"),
        )
    reader: Any = zstandard.ZstdDecompressor().stream_reader(cast("IO[bytes]", stored), read_across_frames=True)
    return cast("IO[bytes]", reader)


@dataclass(kw_only=True)
class LayerIndexer:
    """Gathers what matters of a layer while its archive is read, or written."""

    selector: FileSelector
    entries: dict[str, LayerEntry] = field(default_factory=dict)
    whiteouts: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)
    non_folders: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    use: LayerUse = field(default_factory=LayerUse)

    def add(self, member: tarfile.TarInfo, open_data: Callable[[], IO[bytes]]) -> None:
        """Add the next member; `open_data` is its data, if it is a file and matters."""
        self.use.add_member(member.size if member.isreg() else 0)
        path = os.path.normpath(member.name).lstrip("/")
        if path in {"", "."} or path.startswith("../"):
            return
        folder, _, name = path.rpartition("/")
        if name == _OPAQUE:
            self.opaque.add(folder)
        elif name.startswith(_WHITEOUT):
            self.whiteouts.add(f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/"))
        else:
            self._entry(member, path, open_data)

    def _entry(self, member: tarfile.TarInfo, path: str, open_data: Callable[[], IO[bytes]]) -> None:
        if member.isreg():
            self.sizes[path] = member.size
        capture = self.selector.capture(path, member.size)
        if capture is Capture.NOTHING and member.isreg() and member.mode & _SPECIAL_MODES:
            capture = Capture.ENTRY
        remarks: tuple[str, ...] = ()
        if member.isreg() and self.selector.may_inspect(path, member.size):
            content = open_data().read()
            open_data = partial(io.BytesIO, content)
            remarks = self.selector.inspect(path, content)
        if capture is Capture.NOTHING and (remarks or (member.issym() and self.selector.keeps_links)):
            capture = Capture.ENTRY
        if capture is Capture.NOTHING:
            # A file or a link may have taken the place of a folder; hardly any folder's name has a dot in it.
            if not member.isdir() and "." not in path.rpartition("/")[2]:
                self.non_folders.add(path)
            return
        if member.islnk():
            self._hard_link(member, path)
            return
        sha256, data, spooled = self._read(member, capture, open_data)
        self.entries[path] = LayerEntry(
            path=path,
            kind=_get_kind(member),
            size=member.size if member.isreg() else 0,
            mode=member.mode,
            owner=member.uid,
            target=member.linkname if member.issym() else "",
            sha256=sha256,
            data=data,
            spooled=spooled,
            remarks=remarks,
        )

    def _read(
        self, member: tarfile.TarInfo, capture: Capture, open_data: Callable[[], IO[bytes]]
    ) -> tuple[str | None, bytes | None, Path | None]:
        """A file's sha256, content and copy on disk, as far as they are captured."""
        if not member.isreg() or capture is Capture.ENTRY:
            return None, None, None
        with open_data() as source:
            if capture is Capture.SPOOLED:
                return None, None, self.selector.spool(source)
            if capture is Capture.DATA and member.size <= _KEPT_AT_MOST:
                self.use.add_kept(member.size)
                data = source.read()
                return hashlib.sha256(data).hexdigest(), data, None
            condensed = self.selector.condense(member.name, source) if capture is Capture.DATA else None
            if condensed is not None:
                return None, condensed, None
            return hashlib.file_digest(source, "sha256").hexdigest(), None, None  # type: ignore[arg-type]

    def _hard_link(self, member: tarfile.TarInfo, path: str) -> None:
        target = os.path.normpath(member.linkname).lstrip("/")
        first, size = self.entries.get(target), self.sizes.get(target, 0)
        entry = LayerEntry(path=path, kind=Kind.FILE, size=size, mode=member.mode, owner=member.uid)
        if first is not None:
            entry = replace(entry, sha256=first.sha256, data=first.data, spooled=first.spooled, remarks=first.remarks)
        self.entries[path] = entry

    def contents(self, digest: str, diff_id: str) -> LayerContents:
        """All that was gathered; the digests are of the whole archive, as stored and plain."""
        return LayerContents(
            digest=digest,
            diff_id=diff_id,
            entries=self.entries,
            whiteouts=frozenset(self.whiteouts),
            opaque=frozenset(self.opaque),
            non_folders=frozenset(self.non_folders),
            files=len(self.sizes),
            size=self.use.size,
        )


def _get_kind(member: tarfile.TarInfo) -> Kind:
    if member.isreg():
        return Kind.FILE
    if member.isdir():
        return Kind.FOLDER
    return Kind.LINK if member.issym() else Kind.OTHER
