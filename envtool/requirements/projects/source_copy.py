"""Copies a project's files to where its build back end may write: a check changes nothing in a person's folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from envtool.errors import ResolutionError
from envtool.language import tell
from envtool.regular_file import read_regular_file

# A file that a build reads to say what it requires is not larger; in bytes.
_LARGEST_FILE = 4 << 20
_LARGEST_COPY = 256 << 20
_MOST_FILES = 20_000
# What is made of a project, or for it, and what holds its history.
_LEFT_OUT = frozenset({
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "node_modules", "__pycache__", ".eggs",
})  # fmt: skip
# What `git rev-parse` and `git describe` need to name a commit.
_OF_GIT = ("HEAD", "config", "packed-refs", "refs")


def copy_project(folder: Path, parent: Path) -> Path:
    """Copy the project in `folder` below `parent`; the path of its copy.

    The rest of its repository comes along, because a `setup.py` may read what lies above it. Files of megabytes and
    history do not. Raises `ResolutionError` for more than a project has, and `OSError`.
    """
    folder = folder.resolve()
    root = _find_repository(folder)
    target = parent / "source"
    try:
        _copy_tree(root, target)
    except ResolutionError:
        if root == folder:
            raise
        shutil.rmtree(target)
        root = folder
        _copy_tree(root, target)
    _copy_head(root / ".git", target / ".git")
    return target / folder.relative_to(root)


def _find_repository(folder: Path) -> Path:
    """The nearest folder, upwards, that git keeps; else the folder itself."""
    home = Path("~").expanduser().resolve()
    for place in (folder, *folder.parents):
        if place == home or place == Path("/"):
            break
        if (place / ".git").exists():
            return place
    return folder


def _copy_tree(root: Path, target: Path) -> None:
    left, files = _LARGEST_COPY, _MOST_FILES
    for source in _list_files(root):
        files -= 1
        copy = target / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            copy.symlink_to(source.readlink())
            continue
        data = read_regular_file(source, _LARGEST_FILE)
        left -= len(data)
        if left < 0 or files < 0:
            raise ResolutionError(
                tell("{root} is too large to be copied", root=root),
                why=tell(
                    "a build back end works in a copy, and it has more than {most_files} files or {largest_copy} MiB",
                    most_files=_MOST_FILES,
                    largest_copy=_LARGEST_COPY >> 20,
                ),
                remedy=tell("du -ah {root} | sort -h | tail", root=root),
            )
        copy.write_bytes(data)
        copy.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    target.mkdir(parents=True, exist_ok=True)


def _list_files(root: Path) -> Iterator[Path]:
    """Regular files of usual size, and links that stay in the tree."""
    for name, folders, files in os.walk(root):
        place = Path(name)
        folders[:] = [item for item in sorted(folders) if not _is_left_out(place / item)]
        for item in (*folders, *sorted(files)):
            path = place / item
            if path.is_symlink():
                if Path(os.path.realpath(path)).is_relative_to(root) and not path.readlink().is_absolute():
                    yield path
            elif path.is_file() and path.stat().st_size <= _LARGEST_FILE:
                yield path


def _is_left_out(folder: Path) -> bool:
    return folder.name in _LEFT_OUT or (folder / "pyvenv.cfg").exists() or (folder / "conda-meta").exists()


def _copy_head(source: Path, target: Path) -> None:
    """A repository without its history: enough for a build that asks for the name of its commit."""
    if not source.is_dir():
        return
    (target / "objects").mkdir(parents=True, exist_ok=True)
    for name in _OF_GIT:
        if (source / name).is_file() and (source / name).stat().st_size <= _LARGEST_FILE:
            (target / name).write_bytes(read_regular_file(source / name, _LARGEST_FILE))
    (target / "refs").mkdir(exist_ok=True)
    for path in _list_files(source / "refs") if (source / "refs").is_dir() else ():
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(read_regular_file(path, _LARGEST_FILE))
