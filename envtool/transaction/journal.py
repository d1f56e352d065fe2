"""The journal of a change to a prefix: a log that can be replayed or rolled back after any interruption.

Before the journal exists, nothing but the staging folder has changed. Its steps can be repeated any number of times.
An interrupted restore is replayed to the end. An interrupted install, which may still turn out wrong, is rolled back.

A folder is exchanged with its replacement in one step, so that Python finds the old or the new one at every moment.
The new folder holds a mark, a file whose name only this journal knows: it tells whether the exchange was done.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import RestoreError
from envtool.transaction.atomic_swap import atomic_swap
from envtool.transaction.fsync import sync_folder, sync_folders
from envtool.transaction.move import Move

JOURNAL_NAME = "journal.json"
# Where old entries wait until the change is done and good.
TRASH_NAME = "trash"


@dataclass(frozen=True)
class Remove:
    """Removes a file or a whole folder."""

    path: Path


JournalStep = Remove | Move


def order_steps(removals: Iterable[Path], places: Iterable[Move]) -> tuple[JournalStep, ...]:
    """The steps of a change, so ordered that repeating them changes nothing.

    A path that is moved to, or lies below one, is not removed as well: the move replaces it, and a repeated removal
    would take the new one.
    """
    placed = tuple(places)
    finals = {place.final for place in placed}
    kept = (path for path in removals if finals.isdisjoint((path, *path.parents)))
    # What is new comes first: between the two, better both than neither.
    return (*placed, *(Remove(path) for path in dict.fromkeys(kept)))


@dataclass(frozen=True)
class Journal:
    """The steps of a change. `backwards`: an interrupted change is rolled back, not completed.

    `mark` is the name of the file in each new folder, or empty where there is none.
    """

    steps: tuple[JournalStep, ...]
    backwards: bool = False
    mark: str = ""


def mark_staged(steps: Sequence[JournalStep]) -> Journal:
    """Mark the staged folders and return the journal of a change that is to be completed."""
    mark = f".hac-{secrets.token_hex(8)}"
    for step in steps:
        if isinstance(step, Move) and _is_folder(step.staged):
            (step.staged / mark).touch()
    return Journal(tuple(steps), mark=mark)


def write_journal(staging: Path, journal: Journal) -> None:
    """Write the journal. From then on an interrupted change is completed, or with `backwards` rolled back."""
    (staging / TRASH_NAME).mkdir(exist_ok=True)
    rows = [
        {"remove": str(step.path)} if isinstance(step, Remove) else {"place": str(step.staged), "at": str(step.final)}
        for step in journal.steps
    ]
    table = {"schema": 1, "backwards": journal.backwards, "mark": journal.mark, "steps": rows}
    incoming = staging / f"{JOURNAL_NAME}.incoming"
    with open(incoming, "w") as stream:
        json.dump(table, stream)
        stream.flush()
        os.fsync(stream.fileno())
    incoming.replace(staging / JOURNAL_NAME)
    sync_folder(staging)


@contextlib.contextmanager
def staging_folder(staging: Path) -> Iterator[None]:
    """Make a staging folder for a block that writes the journal last; delete it if the block fails."""
    # Outside of the clean-up: a folder that is there already may hold another's journal.
    staging.mkdir()
    try:
        yield
    except BaseException:
        delete_tree(staging)
        raise


def close_transaction(staging: Path) -> None:
    """Commit, and delete the staging folder with the old files in it."""
    commit(staging)
    delete_tree(staging)


def commit(staging: Path) -> None:
    """Delete the journal: the change is done, and what is left in the staging folder is rubbish."""
    (staging / JOURNAL_NAME).unlink()
    sync_folder(staging)


def read_journal(staging: Path) -> Journal | None:
    """Read the journal of an interrupted change, or `None` where nothing had changed. Raises `RestoreError`."""
    try:
        table = json.loads((staging / JOURNAL_NAME).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RestoreError(
            f"the journal of an interrupted restore cannot be read: {staging / JOURNAL_NAME}",
            why=str(error),
            remedy=f"rm -r {staging}; envtool restore --force",
        ) from error
    steps = tuple(
        Remove(Path(row["remove"])) if "remove" in row else Move(Path(row["place"]), Path(row["at"]))
        for row in table["steps"]
    )
    return Journal(steps, bool(table.get("backwards")), str(table.get("mark", "")))


def replay(journal: Journal, trash: Path) -> None:
    """Do every step that is not done yet. May be repeated after an interruption anywhere."""
    trash.mkdir(exist_ok=True)
    for number, step in enumerate(journal.steps):
        aside = trash / str(number)
        match step:
            case Remove(path):
                _set_aside(path, aside)
            case Move(staged, final):
                # Without the staged one, an earlier call has moved it already.
                if os.path.lexists(staged):  # Path.exists follows links
                    _put(journal, staged, final, aside)
                if journal.mark:
                    _unmark(final / journal.mark)
    sync_folders(_list_parents(journal.steps))


def _put(journal: Journal, staged: Path, final: Path, aside: Path) -> None:
    """Put the staged entry in place and set aside what was there, in one step where the file system can."""
    if not journal.mark:
        _set_aside(final, aside)
    elif not _is_folder(staged):
        if _is_folder(final):
            _set_aside(final, aside)
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(final)
        return
    elif _is_folder(final):
        # Where the mark is in place already, an earlier call exchanged the two, and what is staged now is the old one.
        if os.path.lexists(final / journal.mark) or atomic_swap(staged, final):
            staged.rename(aside)
            return
        _set_aside(final, aside)
    else:
        _set_aside(final, aside)
    final.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(final)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _unmark(path: Path) -> None:
    # The place may be a file, which has nothing below it.
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def _list_parents(steps: Iterable[JournalStep]) -> Iterator[Path]:
    return (step.path.parent if isinstance(step, Remove) else step.final.parent for step in steps)


def roll_back(steps: Sequence[JournalStep], trash: Path) -> None:
    """Undo every step that was done. May be repeated after an interruption anywhere.

    The steps must be such that nothing was deleted rather than set aside: files, and folders that were new.
    """
    for number, step in reversed(list(enumerate(steps))):
        aside = trash / str(number)
        match step:
            case Remove(path):
                if os.path.lexists(aside):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    aside.rename(path)
            case Move(staged, final):
                # The staged one is missing only while it is in place.
                if not os.path.lexists(staged) and os.path.lexists(final):
                    final.rename(staged)
                if os.path.lexists(aside):
                    aside.rename(final)


def recover_journal(staging: Path) -> bool:
    """Complete or roll back what the journal in `staging` says, and delete `staging`. Whether there was a journal."""
    journal = read_journal(staging)
    if journal is not None and journal.backwards:
        roll_back(journal.steps, staging / TRASH_NAME)
    elif journal is not None:
        replay(journal, staging / TRASH_NAME)
    if journal is not None:
        commit(staging)
    delete_tree(staging)
    return journal is not None


def _set_aside(path: Path, aside: Path) -> None:
    """Rename `path` to `aside`, or delete it where the file system refuses that."""
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    except OSError as error:
        # overlayfs refuses to rename a folder that comes from a lower layer (EXDEV); ENOTEMPTY: cut off here.
        if error.errno not in {errno.EXDEV, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY}:
            raise
        delete_tree(path)


def delete_tree(path: Path) -> None:
    """Remove a file, a link or a whole folder; a link's target stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
