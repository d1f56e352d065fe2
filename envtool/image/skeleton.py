"""A file system's tar stream → a folder with just what the doctor reads.

Records, links and small code files are written as they are; of all else only the size is kept, as a sparse file. So an
image of gigabytes is looked into with the reading of its stream as the only cost. The stream is not trusted: links are
made last, so that nothing is written through one, and none leads out of the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

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
_CODE = re.compile(r"/(?:version|__init__)\.py$")
_SHARED_OBJECT = re.compile(r"\.so(?:\.[0-9.]+)?$")


@dataclass
class Skeleton:
    """The folder being filled.

    `whole` are the top-level names whose files are written in full, to be hashed. `telling` is asked of each shared
    object, which for the time of the question is at the path it is given, whether its content matters.
    """

    root: Path
    whole: frozenset[str] = frozenset()
    telling: Callable[[str], bool] = lambda _path: True
    sizes: dict[str, int] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)

    def take(self, stream: IO[bytes]) -> None:
        """Read the tar stream to its end. Raises `tarfile.TarError` and `OSError`."""
        self.root.mkdir(exist_ok=True)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as archive:
            for member in archive:
                self._member(archive, member)
        for name, target in self.links:
            self._link(name, target)

    def _member(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = os.path.normpath(member.name).lstrip("/")
        if name == "." or name.startswith("..") or "\0" in name:
            return
        if member.isreg():
            self.sizes[name] = member.size
        if not any(kind.search(name) for kind in (_PACKAGES, _RECORDS, _LAYOUT, _PREFIX_FILES)):
            return
        if member.isdir():
            self._folder(name)
        elif member.issym():
            self.links.append((name, member.linkname))
        elif member.islnk():
            self._hard_link(name, os.path.normpath(member.linkname).lstrip("/"))
        elif member.isreg():
            source = archive.extractfile(member) if self._wanted(name, member.size) else None
            self._file(name, member.size, source)

    def _wanted(self, name: str, size: int) -> bool:
        if _RECORDS.search(name) or (size <= _SMALL and not _PACKAGES.search(name)):
            return True
        if self._in_whole(name):
            return True
        return _CODE.search(name) is not None or _SHARED_OBJECT.search(name) is not None

    def _folder(self, name: str) -> bool:
        if name in self.folders:
            return True
        try:
            os.makedirs(f"{self.root}/{name}", exist_ok=True)  # noqa: PTH103  # thousands of times
        except OSError:
            # A file where another entry wants a folder, a name too long: no file system has both.
            return False
        self.folders.add(name)
        return True

    def _file(self, name: str, size: int, source: IO[bytes] | None) -> None:
        if not self._folder(os.path.dirname(name)):  # noqa: PTH120  # a member's name, not a path
            return
        path = f"{self.root}/{name}"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except IsADirectoryError:
            return
        with os.fdopen(descriptor, "wb") as target:
            if source is None:
                target.truncate(size)
                return
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            if _SHARED_OBJECT.search(name) and not self._in_whole(name) and not self.telling(path):
                target.truncate(0)
                target.truncate(size)

    def _in_whole(self, name: str) -> bool:
        return _PACKAGES.split(name)[-1].split("/", 1)[0] in self.whole

    def _hard_link(self, name: str, target: str) -> None:
        existing = self.root / target
        if existing.is_file() and self._folder(os.path.dirname(name)):  # noqa: PTH120  # as above
            path = self.root / name
            if not path.is_dir():
                path.unlink(missing_ok=True)
                path.hardlink_to(existing)
        elif target in self.sizes:
            self._file(name, self.sizes[target], None)

    def _link(self, name: str, target: str) -> None:
        parent = os.path.dirname(name)  # noqa: PTH120  # as above
        path = self.root / name
        if "\0" in target or not self._folder(parent):
            return
        if os.path.realpath(path.parent) != os.path.realpath(self.root / parent) or path.exists() or path.is_symlink():
            return
        # What `..` would climb out of the file system stays at its root, as the kernel does at `/`.
        inside = os.path.normpath("/" + (target if target.startswith("/") else f"{parent}/{target}")).lstrip("/")
        path.symlink_to(os.path.relpath(self.root / inside, path.parent))
