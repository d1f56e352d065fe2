"""Copies a project's files to where its build back end may write: a check changes nothing in a person's folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import ResolutionError, RestoreError
from envtool.git_query import ask_git
from envtool.language import tell
from envtool.regular_file import read_regular_file
from envtool.temporary_folder import PREFIX
from envtool.transaction.as_owner import run_as_owner

if TYPE_CHECKING:
    from envtool.progress import Progress
    from envtool.transaction.owner import Owner

# A file that a build reads to say what it requires is not larger; in bytes.
_LARGEST_FILE = 4 << 20
_LARGEST_COPY = 256 << 20
_MOST_FILES = 20_000
# What is made of a project, or for it, and what holds its history.
_LEFT_OUT = frozenset({
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "node_modules", "__pycache__", ".eggs",
})  # fmt: skip
# Endings of files that builds read.
_OF_BUILDS = (
    ".py",
    ".pyi",
    ".txt",
    ".in",
    ".toml",
    ".cfg",
    ".json",
    ".yml",
    ".yaml",
    ".md",
    ".rst",
    "VERSION",
    "version",
)
# What `git rev-parse` and `git describe` need to name a commit.
_OF_GIT = ("HEAD", "config", "packed-refs", "refs")


def copy_project(folder: Path, parent: Path, shown: str, owner: Owner | None = None) -> Path:
    """Copy the project in `folder` below `parent`; the path of its copy. `shown` is the project as a person knows it.

    The rest of its repository comes along, because a `setup.py` may read what lies above it. Files of megabytes and
    history do not. With the rights of `owner`, where there is one, who gets nothing that this user may not read. Raises
    `ResolutionError`, also for more than a project has.
    """
    folder = folder.resolve()
    root, ignored = _plan_copy(folder)
    target = parent / "source"

    def copy(_progress: Progress) -> bool:
        try:
            return _copy_repository(root, folder, target, ignored)
        except OSError as error:
            raise ResolutionError(
                tell("{shown} cannot be read", shown=shown), why=str(error.strerror), remedy=f"ls -la {shown}"
            ) from error

    try:
        is_whole = run_as_owner(owner, copy)
    except RestoreError as error:
        raise ResolutionError(error.what, why=error.why, remedy=error.remedy) from error
    return target / folder.relative_to(root) if is_whole else target


def _copy_repository(root: Path, folder: Path, target: Path, ignored: Collection[Path]) -> bool:
    """Copy a repository, or where that cannot be had the project in it alone; whether it was the repository."""
    is_whole = True
    try:
        _copy_tree(root, target, ignored)
    except (ResolutionError, OSError):
        # It is too large, or something else writes in it.
        if root == folder:
            raise
        shutil.rmtree(target, ignore_errors=True)
        root, is_whole = folder, False
        _copy_tree(root, target, ignored)
    _copy_head(root / ".git", target / ".git")
    return is_whole


def list_project_files(folder: Path) -> Iterator[Path]:
    """What `copy_project` copies, as far as that is no more than a project has."""
    return islice(_list_files(*_plan_copy(folder.resolve())), _MOST_FILES)


def _plan_copy(folder: Path) -> tuple[Path, frozenset[Path]]:
    """What is copied of a project's repository, and what is left out of it.

    A project in a folder that git ignores belongs to no repository: beside it may lie gigabytes of other things.
    """
    root = _find_repository(folder)
    ignored = _list_ignored(root)
    if any(folder.is_relative_to(path) for path in ignored):
        return folder, frozenset()
    return root, ignored


def _find_repository(folder: Path) -> Path:
    """The nearest folder, upwards, that git keeps; else the folder itself.

    As git has it, somebody else's repository is none (git documentation, `safe.directory`).
    """
    home = Path("~").expanduser().resolve()
    for place in (folder, *folder.parents):
        if place == home or place == Path("/"):
            break
        with suppress(OSError):
            if (place / ".git").lstat().st_uid in {folder.stat().st_uid, os.geteuid()}:
                return place
    return folder


def _list_ignored(root: Path) -> frozenset[Path]:
    """What git is told to ignore: folders, and files that no build reads.

    A version or a list of requirements that something has written is often ignored as well, and read by a build.
    """
    words = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    names = ask_git(root, *words) or ()
    return frozenset(root / name for name in names if name.endswith("/") or not name.endswith(_OF_BUILDS))


def _copy_tree(root: Path, target: Path, ignored: Collection[Path]) -> None:
    left, files = _LARGEST_COPY, _MOST_FILES
    for source in _list_files(root, ignored):
        files -= 1
        copy = target / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            copy.symlink_to(source.readlink())
            continue
        try:
            data = read_regular_file(source, _LARGEST_FILE)
        except FileNotFoundError:
            # Something else works in this folder as well.
            continue
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


def _list_files(root: Path, ignored: Collection[Path] = ()) -> Iterator[Path]:
    """Regular files of usual size, and links that stay in the tree."""
    for name, folders, files in os.walk(root):
        place = Path(name)
        folders[:] = [item for item in sorted(folders) if not _is_left_out(place / item, ignored)]
        for path in (place / item for item in (*folders, *sorted(files))):
            if path in ignored:
                continue
            if path.is_symlink():
                if Path(os.path.realpath(path)).is_relative_to(root) and not path.readlink().is_absolute():
                    yield path
            elif path.is_file() and path.stat().st_size <= _LARGEST_FILE:
                yield path


def _is_left_out(folder: Path, ignored: Collection[Path]) -> bool:
    # A temporary folder of envtool's may hold another process's copy of this very tree.
    if folder in ignored or folder.name in _LEFT_OUT or folder.name.startswith(PREFIX):
        return True
    return (folder / "pyvenv.cfg").exists() or (folder / "conda-meta").exists()


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
