"""Writes and reads the journal in a staging folder. What is read is somebody else's data until it was checked."""

from __future__ import annotations

import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any

from envtool.errors import RestoreError
from envtool.language import tell
from envtool.transaction.fsync import sync_folder
from envtool.transaction.journal import Journal, JournalRow, MoveRow, RemoveRow
from envtool.transaction.open_folder import open_beneath
from envtool.transaction.scope import RootPath
from envtool.transaction.staging import JOURNAL_NAME
from envtool.transaction.unlinked_file import replace_in_folder

if TYPE_CHECKING:
    from envtool.transaction.scope import OpenScope
    from envtool.transaction.staging import StagingFolder

_SCHEMA = 2
# Bytes. A journal of every single file of a torch has 3 MB.
_LARGEST = 64 << 20
_MARK = re.compile(r"\.hac-[0-9a-f]{16}")


def write_journal(staging: StagingFolder, journal: Journal) -> None:
    """Write the journal. From then on an interrupted change is completed, or with `backwards` rolled back."""
    table = {
        "schema": _SCHEMA,
        "backwards": journal.backwards,
        "mark": journal.mark,
        "steps": [_make_row(row) for row in journal.rows],
    }
    replace_in_folder(staging.handle, JOURNAL_NAME, json.dumps(table).encode(), mode=0o600, is_durable=True)
    sync_folder(staging.handle)


def delete_journal(staging: StagingFolder) -> None:
    """Commit: the change is done, and what is left in the staging folder is rubbish."""
    os.unlink(JOURNAL_NAME, dir_fd=staging.handle)
    sync_folder(staging.handle)


def read_journal(opened: OpenScope, staging: StagingFolder) -> Journal | None:
    """Read the journal of an interrupted change, or `None` where nothing had changed.

    Raises `RestoreError` for one that is not to be believed: of another user, or with a path that a change cannot have.
    """
    try:
        data = _read(staging)
        return None if data is None else _parse(json.loads(data), opened)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RestoreError(
            tell(
                "the journal of an interrupted change cannot be believed: {real}/{journal_name}",
                real=staging.real,
                journal_name=JOURNAL_NAME,
            ),
            why=str(error) or type(error).__name__,
            remedy=tell("look at it, then: rm -r {real} && envtool restore --force", real=staging.real),
        ) from error


def _read(staging: StagingFolder) -> bytes | None:
    try:
        # Not to wait for a writer, should it be a pipe.
        handle = open_beneath(staging.handle, JOURNAL_NAME, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(tell("it is no file"))
        if found.st_uid not in {0, os.geteuid()} or found.st_mode & 0o022:
            raise ValueError(
                tell(
                    "user {user} has it, with the permissions {mode:o}",
                    user=found.st_uid,
                    mode=stat.S_IMODE(found.st_mode),
                )
            )
        if found.st_size > _LARGEST:
            raise ValueError(tell("it has {size} bytes", size=found.st_size))
        return stream.read(_LARGEST)


def _parse(table: dict[str, Any], opened: OpenScope) -> Journal:
    backwards, mark = table["backwards"], table["mark"]
    if table["schema"] != _SCHEMA:
        raise ValueError(tell("its schema is {found}, not {known}", found=f"{table['schema']!r:.40}", known=_SCHEMA))
    if not isinstance(backwards, bool) or not isinstance(mark, str) or (mark and not _MARK.fullmatch(mark)):
        raise ValueError(tell("its mark or its direction is none"))
    if not isinstance(table["steps"], list):
        raise TypeError(tell("its steps are no list"))
    return Journal(tuple(_parse_row(row, opened) for row in table["steps"]), backwards, mark)


def _make_row(row: JournalRow) -> dict[str, str]:
    if isinstance(row, RemoveRow):
        return {"remove": row.target.path, "in": row.target.root}
    return {"place": row.staged, "at": row.target.path, "in": row.target.root}


def _parse_row(row: dict[str, Any], opened: OpenScope) -> JournalRow:
    if set(row) == {"remove", "in"}:
        return RemoveRow(_parse_place(row["in"], row["remove"], opened))
    if set(row) != {"place", "at", "in"}:
        raise ValueError(tell("a step of it is neither a removal nor a move: {row!s:.80}", row=row))
    _require_plain(row["place"])
    return MoveRow(row["place"], _parse_place(row["in"], row["at"], opened))


def _parse_place(root: object, path: object, opened: OpenScope) -> RootPath:
    if not isinstance(root, str) or root not in opened.handles:
        raise ValueError(
            tell("a step of it is in {folder!s:.40}, which is no folder of the environment's", folder=root)
        )
    place = RootPath(root, _require_plain(path))
    if opened.is_root(place) or opened.describe(place).startswith(f"{opened.real[opened.scope.staging_root]}/.hac-"):
        raise ValueError(tell("a step of it changes {path:.80}, which no change does", path=place.path))
    return place


def _require_plain(path: object) -> str:
    if not isinstance(path, str) or "\0" in path or {"", ".", ".."} & set(path.split("/")):
        raise ValueError(tell("a path of it leads elsewhere: {path!s:.80}", path=path))
    return path
