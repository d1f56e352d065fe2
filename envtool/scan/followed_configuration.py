"""Finds the configuration of accelerate that a command of a file names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envtool.regular_file import read_regular_file
from envtool.scan.commands import UNKNOWN
from envtool.scan.configuration import read_accelerate

if TYPE_CHECKING:
    from envtool.scan.commands import AccelerateSettings
    from envtool.scan.files import ProgramFile
    from envtool.scan.process_launch import Follow

# Bytes of a file that somebody wrote.
_LIMIT = 4 << 20


def follow_from(file: ProgramFile) -> Follow:
    """How the commands of a file find the configurations that they name."""

    def follow(name: str) -> AccelerateSettings | None:
        """A configuration that a command names: beside the script, above it, or anywhere that ends so."""
        folder, root = file.path.parent, file.root
        places = [folder, *folder.parents] if not folder.is_absolute() or root.is_absolute() else [folder]
        for place in places[:12]:
            try:
                data = read_regular_file(place / name.removeprefix("./"), _LIMIT)
            except OSError:
                pass
            else:
                return read_accelerate(data)
            if place == root:
                break
        return _follow_by_name(file, name)

    return follow


def _follow_by_name(file: ProgramFile, name: str) -> AccelerateSettings | None:
    """A configuration whose folder only the run will know, by its last parts, below the project."""
    parts = [part for part in Path(name).parts if UNKNOWN not in part and part not in {"..", ".", "/"}]
    for count in range(len(parts), 0, -1):
        tail = Path(*parts[-count:])
        for place in (
            file.root,
            file.root / "configs",
            file.root / "config",
            file.path.parent / "configs",
        ):
            try:
                return read_accelerate(read_regular_file(place / tail, _LIMIT))
            except OSError:
                continue
    return None
