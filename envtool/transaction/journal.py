"""The journal of a change to an environment: once it is written, whoever finds it knows what to do.

Before the journal exists, nothing has changed but the staging folder. The journal lists steps that can be repeated any
number of times. Those of a restore are carried out to the end by whoever finds them; those of an install, which may
still turn out wrong, are taken back.

A folder that takes another's place is exchanged with it in one step, so that Python finds the old one or the new one at
every moment, also when the process dies between two steps. To tell afterwards whether that step was done, the new
folder bears a mark, a file whose name only this journal knows.
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
    """Take away a file or a whole folder."""

    path: Path


JournalStep = Remove | Move


def order_steps(removals: Iterable[Path], places: Iterable[Move]) -> tuple[JournalStep, ...]:
    """The steps of a swap, such that doing all of them again changes nothing.

    What is to be placed is not listed for removal as well, nor what lies below it: placing takes the old one away, and
    a removal repeated after that would take the new one.
    """
    placed = tuple(places)
    finals = {place.final for place in placed}
    kept = (path for path in removals if finals.isdisjoint((path, *path.parents)))
    # What is new comes first: between the two, better both than neither.
    return (*placed, *(Remove(path) for path in dict.fromkeys(kept)))


@dataclass(frozen=True)
class Journal:
    """The steps that were begun, and whether they are to be taken back rather than completed.

    `mark` is the name of the file that tells a new folder from an old one, or nothing where folders bear none.
    """

    steps: tuple[JournalStep, ...]
    backwards: bool = False
    mark: str = ""


def mark_staged(steps: Sequence[JournalStep]) -> Journal:
    """The journal of steps that are to be carried out to the end, with the staged folders marked."""
    mark = f".hac-{secrets.token_hex(8)}"
    for step in steps:
        if isinstance(step, Move) and _is_folder(step.staged):
            (step.staged / mark).touch()
    return Journal(tuple(steps), mark=mark)


def write_journal(staging: Path, journal: Journal) -> None:
    """From here on the new state is the true one; with `backwards` the old one, until the journal is struck."""
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
    """Make a staging folder for a block that ends by writing the journal; if that fails, nothing has begun."""
    # Outside of the clean-up: a folder that is there already may hold another's journal.
    staging.mkdir()
    try:
        yield
    except BaseException:
        delete_tree(staging)
        raise


def close_transaction(staging: Path) -> None:
    """Strike the journal and clear everything away."""
    commit(staging)
    delete_tree(staging)


def commit(staging: Path) -> None:
    """The change is done and good: what is left of the staging folder is rubbish."""
    (staging / JOURNAL_NAME).unlink()
    sync_folder(staging)


def read_journal(staging: Path) -> Journal | None:
    """What was interrupted, or `None` where nothing was begun in earnest."""
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
    """Do every step that is not done yet. May be called again after having been cut off anywhere."""
    trash.mkdir(exist_ok=True)
    for number, step in enumerate(journal.steps):
        aside = trash / str(number)
        match step:
            case Remove(path):
                _set_aside(path, aside)
            case Move(staged, final):
                # Without the staged one, an earlier call has placed it already.
                if os.path.lexists(staged):  # Path.exists follows links
                    _put(journal, staged, final, aside)
                if journal.mark:
                    _unmark(final / journal.mark)
    sync_folders(_touched(journal.steps))


def _put(journal: Journal, staged: Path, final: Path, aside: Path) -> None:
    """Put the staged entry in place and set aside what was there, without a moment in which nothing is, if possible."""
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


def _touched(steps: Iterable[JournalStep]) -> Iterator[Path]:
    return (step.path.parent if isinstance(step, Remove) else step.final.parent for step in steps)


def now_at(journal: Journal, trash: Path, path: Path) -> Path | None:
    """Where something of the old state is once every step is done, or `None` where no step sets it aside."""
    for number, step in enumerate(journal.steps):
        old = step.path if isinstance(step, Remove) else step.final
        if path.is_relative_to(old):
            return trash / str(number) / path.relative_to(old)
    return None


def roll_back(steps: Sequence[JournalStep], trash: Path) -> None:
    """Undo every step that was done. May be called again after having been cut off anywhere.

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
    """Complete or take back what is journalled below `staging`, and clear it away; whether there was anything."""
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
    """Take `path` away at once by renaming it; where a layered file system refuses that, by deleting it."""
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
