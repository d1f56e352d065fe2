"""Finds the files that go with a folder though no RECORD names them: a person's own, or another installer's leavings.

Which of the two they are nothing tells, so a plan names them before they go.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.release.profile import PINNED_NAMES, TOP_LEVEL_NAMES, TORCH
from envtool.restore.removal import list_foreign_files

if TYPE_CHECKING:
    from envtool.environment.reader import Environment

_RECORDS = (".dist-info", ".egg-info")


def find_unrecorded(environment: Environment, paths: Iterable[Path], replaced: Collection[str]) -> Iterator[Path]:
    """The files, and links, in folders of site-packages that are removed or replaced and that no RECORD names.

    `paths` are what is removed, and `replaced` the distributions whose new folders take the place of what is there.
    Python's own bytecode is not counted.
    """
    site_packages = environment.prefix.site_packages
    names = {path.name for path in paths if path.parent == site_packages and not path.name.endswith(_RECORDS)}
    for name in sorted(names | list_top_names(replaced)):
        folder = site_packages / name
        if folder.is_dir() and not folder.is_symlink():
            recorded = set(list_foreign_files(environment, name, set()))
            yield from (site_packages / path for path in sorted({*_list_files(site_packages, name)} - recorded))


def list_top_names(distributions: Collection[str]) -> set[str]:
    """The folders of site-packages that the vendor's wheels of some distributions bring."""
    shared = set(TOP_LEVEL_NAMES) - set(PINNED_NAMES)
    return (set(distributions) & set(TOP_LEVEL_NAMES)) | (shared if TORCH in distributions else set())


def _list_files(site_packages: Path, top: str) -> Iterator[str]:
    """The files below a folder, by their paths from site-packages; a link is a file, wherever it leads."""
    start = len(str(site_packages)) + 1
    for folder, folders, files in os.walk(site_packages / top):
        inside = folder[start:]
        if folder.endswith("/__pycache__"):
            files = [name for name in files if not name.endswith(".pyc")]
        yield from (f"{inside}/{name}" for name in files)
        yield from (f"{inside}/{name}" for name in folders if Path(folder, name).is_symlink())
