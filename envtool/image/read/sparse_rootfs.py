"""A file system's tar stream → a folder with just what the doctor reads.

Records, links and small code files are written as they are; of all else only the size is kept, as a sparse file. So an
image of gigabytes is looked into with the reading of its stream as the only cost. The stream is not trusted: links are
made last, so that nothing is written through one, and none leads out of the folder.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO

from envtool.environment.import_files import needs_content
from envtool.image.read.forward import ForwardReader, iterate_members, open_archive, open_member
from envtool.image.read.layer import Capture, Kind, LayerEntry
from envtool.release.profile import PINNED_NAMES, TOP_LEVEL_NAMES

# What a wheel puts outside of site-packages, but not all that a distribution has below /usr.
_PREFIX_FILES = re.compile(
    r"^(?!(?:usr|bin|sbin|etc|var|lib|lib64|proc|opt/hac/envtool)/)(?:.*/)?(?:bin|etc|share|man|include)/|^usr/local/bin/"
)
_SMALL = 1 << 16
# Packages installed by hard link have their first copy in the cache of conda or uv.
_PACKAGES = re.compile(r"(?:^|/)(?:site-packages|dist-packages|archive-v0)(?:/|$)")
_RECORDS = re.compile(
    r"\.(?:dist-info|egg-info)(?:/|$)|\.(?:pth|egg-link)$|(?:^|/)conda-meta/|(?:^|/)pyvenv\.cfg$|^etc/hac/|^etc/passwd$"
    r"|(?:^|/)etc/hac/pin\.toml$|(?:^|/)pip\.conf$|(?:^|/)uv\.toml$|(?:^|/)\.conda/environments\.txt$"
    r"|(?:constraints?|overrides?)[^/]*\.txt$"
)
_LAYOUT = re.compile(r"(?:^|/)(?:bin/python[0-9.]*|bin/activate|lib/python\d[\d.]*/?)$")
_CODE = re.compile(rf"/(?:{'|'.join(PINNED_NAMES)})/(?:version|__init__)\.py$")
_PINNED_RECORD = re.compile(rf"/(?:{'|'.join(PINNED_NAMES)})-[^/]+\.dist-info/RECORD$")
_TOP_LEVEL = re.compile(rb"^([^/,\n]+)/", re.MULTILINE)
# What packages consist of, beside shared objects.
MODULES = (".py", ".pyc", ".pyi", ".h", ".hpp", ".cuh", ".cpp", ".js", ".map", ".svg", ".png", ".dat", ".npz", ".csv")
_TAKEN = (_PACKAGES, _RECORDS, _LAYOUT)
# A pinned distribution in a folder that is not called site-packages: moved, and linked to.
_MOVED = re.compile(rf"(?:^|/)(?:{'|'.join(PINNED_NAMES)})/")
# No folder of an environment is reached by way of a link in these.
_WITHOUT_LINKS = ("usr/share/", "usr/lib/", "usr/include/", "etc/", "var/", "lib/", "proc/", "sys/")
_SHARED_OBJECT = re.compile(r"\.so(?:\.[0-9.]+)?$")


def select_for_rootfs(name: str, size: int) -> Capture:
    """What a skeleton takes of a file at a path that begins without a slash."""
    # The cheap test comes first: it decides for nearly all files.
    is_packaged = "/site-packages/" in name
    if not is_packaged and not _is_taken(name):
        return Capture.NOTHING
    if name.endswith(MODULES):
        if name.endswith("customize.py") and needs_content(name, size):
            return Capture.DATA
        is_small = size <= _SMALL and not is_packaged and not _PACKAGES.search(name)
        is_code = name.endswith(("/version.py", "/__init__.py")) and _CODE.search(name)
        return Capture.DATA if is_small or is_code else Capture.ENTRY
    if _is_read(name, size):
        return Capture.DATA
    return Capture.SPOOLED if _SHARED_OBJECT.search(name) else Capture.ENTRY


def _is_taken(name: str) -> bool:
    if _is_taken_folder(name.rpartition("/")[0]) or any(kind.search(name) for kind in _TAKEN):
        return True
    return needs_content(name, 1) is not None or ("torch" in name and _MOVED.search(name) is not None)


def _is_taken_link(name: str) -> bool:
    return _is_taken(name) or not name.startswith(_WITHOUT_LINKS)


@lru_cache(4096)
def _is_taken_folder(folder: str) -> bool:
    """Cached: an archive has the files of a folder together."""
    return _PREFIX_FILES.search(f"{folder}/") is not None


def _is_read(name: str, size: int) -> bool:
    is_small = size <= _SMALL and not _PACKAGES.search(name)
    if is_small or _RECORDS.search(name) is not None or _CODE.search(name) is not None:
        return True
    return needs_content(name, size) is True


def _list_pinned_top_level(entries: Collection[LayerEntry]) -> frozenset[str]:
    """The names in site-packages that belong to pinned distributions: the usual ones, and what their records name."""
    records = (entry.data for entry in entries if entry.data and _PINNED_RECORD.search(entry.path))
    named = {name for data in records for name in _TOP_LEVEL.findall(data)}
    return frozenset(TOP_LEVEL_NAMES) | {name.decode("utf-8", "replace") for name in named}


def _is_looked_at(path: str, pinned: frozenset[str]) -> bool:
    """Whether the doctor may look at a file: of a distribution that is not pinned it reads the records only."""
    return not path.endswith(MODULES) or "/site-packages/" not in path or not pinned.isdisjoint(path.split("/"))


def _is_looked_into(folder: str, pinned: frozenset[str]) -> bool:
    """Whether the doctor may look into a folder; packages and records themselves always count."""
    return "/" not in folder.partition("/site-packages/")[2] or _is_looked_at(f"{folder}/__init__.py", pinned)


@dataclass(kw_only=True)
class SparseRootfs:
    """The folder being filled.

    `full_packages` are the top-level names whose files are written in full, to be hashed. `keep_content(path)`: whether
    to keep this shared object's bytes.
    """

    root: Path
    full_packages: frozenset[str] = frozenset()
    keep_content: Callable[[str], bool] = lambda _path: True
    sizes: dict[str, int] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)

    def extract(self, stream: IO[bytes]) -> None:
        """Read the tar stream to its end. Raises `tarfile.TarError` and `OSError`."""
        self.root.mkdir(exist_ok=True)
        with open_archive(ForwardReader(stream)) as archive:
            for member in iterate_members(archive, needs_end_mark=True):
                self._add_member(archive, member)
        self._make_links()

    def extract_entries(self, entries: Collection[LayerEntry]) -> None:
        """Fill the folder from entries that were read already, for each of which `select_for_rootfs` was asked.

        Most of them are modules of distributions that are not pinned; these are left out.
        """
        self.root.mkdir(exist_ok=True)
        pinned = _list_pinned_top_level(entries)
        for entry in entries:
            match entry.kind:
                case Kind.LINK if _is_taken_link(entry.path):
                    self.links.append((entry.path, entry.target))
                case Kind.FILE if _is_looked_at(entry.path, pinned):
                    self._add_entry(entry)
                case Kind.FOLDER if _is_looked_into(entry.path, pinned):
                    self._make_folder(entry.path)
                case _:
                    pass
        self._make_links()

    def _add_entry(self, entry: LayerEntry) -> None:
        if entry.spooled is not None:
            with open(entry.spooled, "rb") as stream:
                self._write_file(entry.path, entry.size, stream)
        else:
            self._write_file(entry.path, entry.size, io.BytesIO(entry.data) if entry.data is not None else None)

    def _make_links(self) -> None:
        for name, target in self.links:
            self._make_link(name, target)

    def _add_member(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = os.path.normpath(member.name).lstrip("/")
        if name == "." or name.startswith("..") or "\0" in name:
            return
        if member.isreg():
            self.sizes[name] = member.size
        if not (_is_taken_link(name) if member.issym() else _is_taken(name)):
            return
        if member.isdir():
            self._make_folder(name)
        elif member.issym():
            self.links.append((name, member.linkname))
        elif member.islnk():
            self._add_hard_link(name, os.path.normpath(member.linkname).lstrip("/"))
        elif member.isreg():
            source = open_member(archive, member) if self._needs_content(name, member.size) else None
            self._write_file(name, member.size, source)

    def _needs_content(self, name: str, size: int) -> bool:
        return self._is_full(name) or _is_read(name, size) or _SHARED_OBJECT.search(name) is not None

    def _make_folder(self, name: str) -> bool:
        if name in self.folders:
            return True
        try:
            os.makedirs(f"{self.root}/{name}", exist_ok=True)  # noqa: PTH103  # thousands of times
        except OSError:
            # A file where another entry wants a folder, a name too long: no file system has both.
            return False
        self.folders.add(name)
        return True

    def _write_file(self, name: str, size: int, source: IO[bytes] | None) -> None:
        if not self._make_folder(os.path.dirname(name)):  # noqa: PTH120  # a member's name, not a path
            return
        path = f"{self.root}/{name}"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except IsADirectoryError:
            return
        if source is None:
            try:
                os.ftruncate(descriptor, size)
            finally:
                os.close(descriptor)
            return
        with os.fdopen(descriptor, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            if _SHARED_OBJECT.search(name) and not self._is_full(name) and not self.keep_content(path):
                target.truncate(0)
                target.truncate(size)

    def _is_full(self, name: str) -> bool:
        return _PACKAGES.split(name)[-1].split("/", 1)[0] in self.full_packages

    def _add_hard_link(self, name: str, target: str) -> None:
        if target == name:
            # No tool writes such a link; to follow it would remove the file first.
            return
        existing = self.root / target
        if existing.is_file() and self._make_folder(os.path.dirname(name)):  # noqa: PTH120  # as above
            path = self.root / name
            if not path.is_dir():
                path.unlink(missing_ok=True)
                path.hardlink_to(existing)
        elif target in self.sizes:
            self._write_file(name, self.sizes[target], None)

    def _make_link(self, name: str, target: str) -> None:
        parent = os.path.dirname(name)  # noqa: PTH120  # as above
        path = self.root / name
        if "\0" in target or not self._make_folder(parent):
            return
        if os.path.realpath(path.parent) != os.path.realpath(self.root / parent) or path.exists() or path.is_symlink():
            return
        # What `..` would climb out of the file system stays at its root, as the kernel does at `/`.
        inside = os.path.normpath("/" + (target if target.startswith("/") else f"{parent}/{target}")).lstrip("/")
        path.symlink_to(os.path.relpath(self.root / inside, path.parent))
