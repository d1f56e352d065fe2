"""The folder in which a change to a prefix is staged."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RestoreError
from envtool.language import tell
from envtool.transaction.delete import delete_tree
from envtool.transaction.open_folder import open_beneath
from envtool.transaction.postponed_signals import postponed_signals

if TYPE_CHECKING:
    from envtool.transaction.scope import OpenScope

# It lies in site-packages: only there is a rename sure to stay on one file system.
STAGING_NAME = ".hac-restore"
# From the moment that it is there, an interrupted change is completed, or taken back.
JOURNAL_NAME = "journal.json"
# Where old entries wait until the change is done and good.
_TRASH = "trash"


@dataclass(frozen=True)
class StagingFolder:
    """An open staging folder, which nobody else may enter. `real` is its path for messages."""

    handle: int
    real: str

    @property
    def path(self) -> Path:
        """A path that leads to this very folder, whatever is done to its name meanwhile (proc(5))."""
        anchor = Path(f"/proc/self/fd/{self.handle}")
        return anchor if anchor.exists() else Path(self.real)

    @contextmanager
    def open_trash(self) -> Iterator[int]:
        """The open folder for what is set aside; it is made where there is none."""
        if not has_entry(self.handle, _TRASH):
            os.mkdir(_TRASH, 0o700, dir_fd=self.handle)
        handle = open_beneath(self.handle, _TRASH)
        try:
            yield handle
        finally:
            os.close(handle)


@contextmanager
def make_staging(opened: OpenScope) -> Iterator[StagingFolder]:
    """Make a staging folder for a block; delete it if the block fails and leaves no journal in it."""
    with ExitStack() as stack:
        # A stop may not come between the folder and what clears it away.
        with postponed_signals():
            # Not cleared away where it is there already: it may hold another's journal.
            os.mkdir(STAGING_NAME, 0o700, dir_fd=opened.folder)
            stack.push(partial(_clear_failed, opened))
        staging = stack.enter_context(open_staging(opened))
        # A umask may take from it what we need; the group that a folder hands down stays.
        os.fchmod(staging.handle, 0o700 | os.fstat(staging.handle).st_mode & stat.S_ISGID)
        with _name_paths(staging):
            yield staging


def _clear_failed(opened: OpenScope, kind: type[BaseException] | None, *_error: object) -> None:
    if kind is not None and not has_entry(opened.folder, f"{STAGING_NAME}/{JOURNAL_NAME}"):
        delete_staging(opened)


@contextmanager
def open_staging(opened: OpenScope) -> Iterator[StagingFolder]:
    """Open the staging folder that is there. Raises `RestoreError` where somebody else can have filled it."""
    real = f"{opened.real[opened.scope.staging_root]}/{STAGING_NAME}"
    try:
        handle = open_beneath(opened.folder, STAGING_NAME)
    except OSError as error:
        raise _build_refusal(real, tell("it is no folder ({reason})", reason=error.strerror)) from error
    try:
        found = os.fstat(handle)
        if found.st_uid not in {0, os.geteuid()} or found.st_mode & 0o022:
            mode = stat.S_IMODE(found.st_mode)
            why = tell("user {user} has it, with the permissions {mode:o}", user=found.st_uid, mode=mode)
            raise _build_refusal(real, why)
        yield StagingFolder(handle, real)
    finally:
        os.close(handle)


def delete_staging(opened: OpenScope) -> None:
    """Delete the staging folder with what is in it."""
    delete_tree(opened.folder, STAGING_NAME)


def has_entry(folder: int, name: str) -> bool:
    """Whether an open folder has an entry of that name, a link that leads nowhere even."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _name_paths(staging: StagingFolder) -> Iterator[None]:
    """Name the folder in errors by its path, not by its number."""
    try:
        yield
    except OSError as error:
        if isinstance(error.filename, str):
            error.filename = error.filename.replace(str(staging.path), staging.real)
        raise


def _build_refusal(path: str, why: str) -> RestoreError:
    return RestoreError(
        tell("the working folder of an interrupted change cannot be believed: {path}", path=path),
        why=tell("{why}; only this user, or root, can have left one, and nobody else may write to it", why=why),
        remedy=tell("ls -la {path}   and, unless an envtool is at work: rm -r {path}", path=path),
    )
