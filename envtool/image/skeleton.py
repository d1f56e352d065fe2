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
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

# Packages installed by hard link have their first copy in the cache of conda or uv.
_PACKAGES = re.compile(r"(?:^|/)(?:site-packages|dist-packages|archive-v0)(?:/|$)")
_RECORDS = re.compile(
    r"\.(?:dist-info|egg-info)(?:/|$)|\.(?:pth|egg-link)$|(?:^|/)conda-meta/|(?:^|/)pyvenv\.cfg$|^etc/hac/|^etc/passwd$"
    r"|(?:^|/)etc/hac/pin\.toml$|(?:^|/)pip\.conf$|(?:^|/)uv\.toml$|(?:^|/)\.conda/environments\.txt$"
)
_LAYOUT = re.compile(r"(?:^|/)(?:bin/python[0-9.]*|bin/activate|lib/python\d[\d.]*/?)$")
_CODE = re.compile(r"\.so(?:\.[0-9.]+)?$|/(?:version|__init__)\.py$")


@dataclass
class Skeleton:
    """The folder being filled. `whole` are the top-level names whose files are written in full, to be hashed."""

    root: Path
    whole: frozenset[str] = frozenset()
    sizes: dict[str, int] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)

    def take(self, stream: IO[bytes]) -> None:
        """Read the tar stream to its end. Raises `tarfile.TarError` and `OSError`."""
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
        if not (_PACKAGES.search(name) or _RECORDS.search(name) or _LAYOUT.search(name)):
            return
        if member.isdir():
            self._folder(name)
        elif member.issym():
            self.links.append((name, member.linkname))
        elif member.islnk():
            self._hard_link(name, os.path.normpath(member.linkname).lstrip("/"))
        elif member.isreg():
            source = archive.extractfile(member) if self._wanted(name) else None
            self._file(name, member.size, source)

    def _wanted(self, name: str) -> bool:
        if _RECORDS.search(name):
            return True
        inner = _PACKAGES.split(name)[-1]
        if inner.split("/", 1)[0] in self.whole:
            return True
        return _CODE.search(name) is not None

    def _folder(self, name: str) -> bool:
        try:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            # A file where another entry wants a folder, a name too long: no file system has both.
            return False
        return True

    def _file(self, name: str, size: int, source: IO[bytes] | None) -> None:
        if not self._folder(os.path.dirname(name)):  # noqa: PTH120  # a member's name, not a path
            return
        path = self.root / name
        if path.is_dir():
            return
        path.unlink(missing_ok=True)
        with path.open("wb") as target:
            if source is not None:
                shutil.copyfileobj(source, target, 1 << 20)
            else:
                target.truncate(size)

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
