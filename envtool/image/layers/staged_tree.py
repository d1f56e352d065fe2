"""What a layer is made of: a folder on this machine, and files that are read out of archives as the layer is written.

Most files of a layer are in a wheel, byte for byte. Unpacking them first would write, read and delete each of them,
which takes longer than all the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from envtool.wheel.archive import Archive, ArchiveMember


@dataclass(frozen=True)
class WheelFile:
    """A file of a wheel."""

    archive: Archive
    member: ArchiveMember

    @property
    def size(self) -> int:
        """Its size, unpacked."""
        return self.member.size

    @property
    def executable(self) -> bool:
        """Whether the wheel says that it is a program."""
        return self.member.executable

    def read(self) -> bytes:
        """Its content. Raises `HashError` and `SourceError` where it is not what the wheel's RECORD says."""
        return self.archive.read(self.member)


@dataclass(frozen=True)
class FileRange:
    """`size` bytes of a file, from `offset` on."""

    path: Path
    offset: int
    size: int
    executable: bool = False

    def read(self) -> bytes:
        """Its content."""
        with open(self.path, "rb") as stream:
            stream.seek(self.offset)
            return stream.read(self.size)


# A file that is read out of another one when its layer is written.
Packed: TypeAlias = WheelFile | FileRange


@dataclass(frozen=True)
class StagedTree:
    """A staged folder, and packed files by their paths, which replace its own; both lie over the folder `lower`."""

    root: Path
    packed: Mapping[str, Packed] = field(default_factory=dict)
    lower: Path | None = None

    def entries(self) -> Iterator[tuple[str, Path | Packed | None]]:
        """Every entry by its path, sorted; a folder that only packed files are in is `None`."""
        found: dict[str, Path | Packed | None] = {}
        for root in (self.lower, self.root):
            if root is not None:
                found.update(_list_entries(root))
        for path in self.packed:
            folder = path.rpartition("/")[0]
            while folder and folder not in found:
                found[folder] = None
                folder = folder.rpartition("/")[0]
        found.update(self.packed)
        yield from sorted(found.items(), key=lambda item: item[0].split("/"))


def _list_entries(root: Path) -> Iterator[tuple[str, Path]]:
    for top, folders, files in os.walk(root):
        base = os.path.relpath(top, root)
        for name in (*folders, *files):
            yield name if base == "." else f"{base}/{name}", Path(top, name)
