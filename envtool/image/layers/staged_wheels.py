"""Wheels → an environment's tree. Only what an install changes is staged; every other file stays in its wheel."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.image.layers.staged_tree import WheelFile
from envtool.temporary_folder import temporary_folder
from envtool.wheel.archive import Archive
from envtool.wheel.contents import read_contents
from envtool.wheel.layout import Layout, stage_records, stage_wheel

if TYPE_CHECKING:
    from envtool.transaction.move import Move
    from envtool.wheel.name import StoredWheel


def install_wheels(wheels: Iterable[StoredWheel], layout: Layout, root: Path) -> dict[str, WheelFile]:
    """Stage the records and commands of wheels below `root`, and return the other files by their paths below it.

    Where two wheels have a file of one path, the later one's stays. Raises `SourceError`, `HashError`.
    """
    packed: dict[str, WheelFile] = {}
    site_packages = str(layout.site_packages.relative_to("/"))
    with temporary_folder(root.parent) as scratch:
        for wheel in wheels:
            contents = read_contents(wheel)
            archive = Archive(wheel.path, wheel.name.filename)
            packed |= {f"{site_packages}/{item.path}": WheelFile(archive, item) for item in contents.shared_members()}
            _put(stage_records(contents, layout, scratch, requested=False), root)
    return packed


def unpack_wheels(wheels: Iterable[StoredWheel], layout: Layout, root: Path) -> None:
    """Install wheels below `root`, where none of their files exist yet: for the vendor's, which may be large."""
    with temporary_folder(root.parent) as scratch:
        for wheel in wheels:
            contents = read_contents(wheel)
            _put(stage_wheel(contents, layout, scratch, requested=False, progress=lambda _bytes: None), root)


def _put(steps: Iterable[Move], root: Path) -> None:
    for step in steps:
        target = root / step.final.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and not target.is_symlink():
            shutil.copytree(step.staged, target, dirs_exist_ok=True, symlinks=True)
        else:
            step.staged.rename(target)
