"""Does what a journal says, or undoes it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from envtool.transaction.atomic_swap import atomic_swap
from envtool.transaction.delete import delete_tree
from envtool.transaction.fsync import sync_folders
from envtool.transaction.journal import Journal, MoveRow, RemoveRow
from envtool.transaction.open_folder import open_beneath
from envtool.transaction.staging import StagingFolder, has_entry

if TYPE_CHECKING:
    from envtool.transaction.scope import OpenScope, RootPath

# overlayfs refuses to rename a folder that comes from a lower layer (EXDEV); ENOTEMPTY: cut off here.
_NO_RENAME = frozenset({errno.EXDEV, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY})


class _Entry(NamedTuple):
    """A name in an open folder."""

    folder: int
    name: str

    def is_there(self) -> bool:
        return has_entry(self.folder, self.name)

    def is_folder(self) -> bool:
        try:
            return stat.S_ISDIR(os.stat(self.name, dir_fd=self.folder, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return False

    def rename(self, to: _Entry) -> None:
        os.rename(self.name, to.name, src_dir_fd=self.folder, dst_dir_fd=to.folder)


def replay(journal: Journal, opened: OpenScope, staging: StagingFolder) -> None:
    """Do every row that is not done yet. May be repeated after an interruption anywhere."""
    with staging.open_trash() as trash:
        for number, row in enumerate(journal.rows):
            aside = _Entry(trash, str(number))
            match row:
                case RemoveRow(target):
                    parent = opened.open_parent(target)
                    if parent is not None:
                        _set_aside(_Entry(parent, target.name), aside)
                case MoveRow(staged, target):
                    with _open_staged(staging, staged) as source:
                        # Without the staged one, an earlier call has moved it already.
                        if source.is_there():
                            _put(journal.mark, source, _open_entry(opened, target), aside)
                    if journal.mark:
                        _unmark(opened, target, journal.mark)
    sync_folders(_open_parents(journal, opened))


def roll_back(journal: Journal, opened: OpenScope, staging: StagingFolder) -> None:
    """Undo every row that was done. May be repeated after an interruption anywhere.

    The rows must be such that nothing was deleted rather than set aside: files, and folders that were new.
    """
    with staging.open_trash() as trash:
        for number, row in reversed(list(enumerate(journal.rows))):
            aside = _Entry(trash, str(number))
            if isinstance(row, MoveRow):
                with _open_staged(staging, row.staged) as source:
                    parent = opened.open_parent(row.target)
                    # The staged one is missing only while it is in place.
                    if parent is not None and not source.is_there() and has_entry(parent, row.target.name):
                        _Entry(parent, row.target.name).rename(source)
            if aside.is_there():
                aside.rename(_open_entry(opened, row.target))


def _put(mark: str, source: _Entry, final: _Entry, aside: _Entry) -> None:
    """Put the staged entry in place and set aside what was there, in one step where the file system can."""
    is_file = not source.is_folder()
    if mark and not is_file and final.is_folder():
        # Where the mark is in place already, an earlier call exchanged the two, and what is staged now is the old one.
        if _has_mark(final, mark) or atomic_swap(source.folder, source.name, final.folder, final.name):
            source.rename(aside)
            return
        _set_aside(final, aside)
    elif not mark or not is_file or final.is_folder():
        _set_aside(final, aside)
    # A file that can be lost takes the old one's name in one step.
    source.rename(final)


def _set_aside(entry: _Entry, aside: _Entry) -> None:
    """Rename an entry to `aside`, or delete it where the file system refuses that."""
    try:
        entry.rename(aside)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _NO_RENAME:
            raise
        delete_tree(entry.folder, entry.name)


def _has_mark(final: _Entry, mark: str) -> bool:
    handle = open_beneath(final.folder, final.name)
    try:
        return has_entry(handle, mark)
    finally:
        os.close(handle)


def _unmark(opened: OpenScope, target: RootPath, mark: str) -> None:
    parent = opened.open_parent(target)
    # The place may be a file, which has nothing below it.
    with suppress(FileNotFoundError, NotADirectoryError):
        handle = open_beneath(parent if parent is not None else -1, target.name)
        try:
            os.unlink(mark, dir_fd=handle)
        finally:
            os.close(handle)


def _open_entry(opened: OpenScope, target: RootPath) -> _Entry:
    parent = opened.open_parent(target, make=True)
    assert parent is not None
    return _Entry(parent, target.name)


@contextmanager
def _open_staged(staging: StagingFolder, path: str) -> Iterator[_Entry]:
    folder, _separator, name = path.rpartition("/")
    handle = open_beneath(staging.handle, folder or ".")
    try:
        yield _Entry(handle, name)
    finally:
        os.close(handle)


def _open_parents(journal: Journal, opened: OpenScope) -> Iterator[int]:
    """Each folder that has changed, open until the next one is asked for."""
    for target in {(row.target.root, row.target.folder): row.target for row in journal.rows}.values():
        parent = opened.open_parent(target)
        if parent is not None:
            yield parent
