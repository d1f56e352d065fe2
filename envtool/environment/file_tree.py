"""A file system that is looked into without being run: this machine's, an unpacked image's, or layers in memory.

Paths are absolute, as they are inside of it. Links are followed inside as well, so that none leads out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from envtool.regular_file import read_regular_file

# As many links as Linux follows in a path (path_resolution(7)).
_LINKS = 40
# Where programs are looked for without PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# No script or setting that is read here is larger.
_READ_AT_MOST = 1 << 20


class FileTree(Protocol):
    """What the resolver asks of a file system. A path's last part is never followed here; `follow_links` does that."""

    def link_target(self, path: str) -> str | None:
        """Where a link points; `None` for what is no link."""

    def is_folder(self, path: str) -> bool:
        """Whether a folder is at that very path."""

    def is_file(self, path: str) -> bool:
        """Whether a regular file is at that very path."""

    def list_names(self, path: str) -> Sequence[str]:
        """The sorted names in a folder; none where it cannot be listed."""

    def read(self, path: str) -> bytes | None:
        """A regular file's content, as far as it is known."""


@dataclass(frozen=True)
class DiskTree:
    """A folder on this machine that stands for `/`."""

    root: Path = Path("/")

    def link_target(self, path: str) -> str | None:
        """See `FileTree`."""
        try:
            return str(Path(self._locate(path)).readlink())
        except (OSError, ValueError):
            # No path has a NUL; a script of somebody's may.
            return None

    def is_folder(self, path: str) -> bool:
        """See `FileTree`."""
        return self._has_kind(path, stat.S_IFDIR)

    def is_file(self, path: str) -> bool:
        """See `FileTree`."""
        return self._has_kind(path, stat.S_IFREG)

    def list_names(self, path: str) -> Sequence[str]:
        """See `FileTree`."""
        try:
            with os.scandir(self._locate(path)) as entries:
                return sorted(entry.name for entry in entries)
        except (OSError, ValueError):
            return ()

    def read(self, path: str) -> bytes | None:
        """See `FileTree`."""
        try:
            return read_regular_file(self._locate(path), _READ_AT_MOST)
        except (OSError, ValueError):
            return None

    def _has_kind(self, path: str, kind: int) -> bool:
        try:
            return stat.S_IFMT(os.lstat(self._locate(path)).st_mode) == kind
        except (OSError, ValueError):
            return False

    def _locate(self, path: str) -> str:
        return f"{str(self.root).rstrip('/')}/{path.lstrip('/')}"


def follow_links(tree: FileTree, path: str) -> str | None:
    """The path that a path leads to, without links; `None` where nothing is there."""
    pending = [part for part in path.split("/") if part not in {"", "."}][::-1]
    current, links = "", 0
    while pending:
        part = pending.pop()
        if part == "..":
            # The kernel stays at `/`.
            current = current.rpartition("/")[0]
            continue
        step = f"{current}/{part}"
        target = tree.link_target(step)
        if target is None:
            current = step
            continue
        links += 1
        if links > _LINKS:
            return None
        if target.startswith("/"):
            current = ""
        pending += [name for name in target.split("/") if name not in {"", "."}][::-1]
    found = current or "/"
    return found if found == "/" or tree.is_folder(found) or tree.is_file(found) else None


def has_file(tree: FileTree, path: str) -> bool:
    """Whether a path leads to a regular file."""
    found = follow_links(tree, path)
    return found is not None and tree.is_file(found)


def has_folder(tree: FileTree, path: str) -> bool:
    """Whether a path leads to a folder."""
    found = follow_links(tree, path)
    return found is not None and (found == "/" or tree.is_folder(found))


def list_folder(tree: FileTree, path: str) -> Sequence[str]:
    """The sorted names in the folder that a path leads to."""
    found = follow_links(tree, path)
    return tree.list_names(found) if found is not None else ()


def read_tree_text(tree: FileTree, path: str) -> str | None:
    """The text of the file that a path leads to."""
    found = follow_links(tree, path)
    data = tree.read(found) if found is not None else None
    return data.decode("utf-8", "replace") if data is not None else None


def find_program(tree: FileTree, name: str, variables: Mapping[str, str]) -> str | None:
    """A program by its path, or by its name on PATH."""
    if "/" in name:
        return name if has_file(tree, name) else None
    for folder in variables.get("PATH", DEFAULT_PATH).split(":"):
        if folder.startswith("/") and has_file(tree, f"{folder}/{name}"):
            return f"{folder.rstrip('/')}/{name}"
    return None


def join_path(folder: str, name: str) -> str:
    """The path that a name means in a folder of the tree; one from the root is that already."""
    return name if name.startswith("/") else f"{folder.rstrip('/')}/{name}"
