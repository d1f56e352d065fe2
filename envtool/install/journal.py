"""The journal of a change to an environment: once it is written, whoever finds it knows what to do.

Before the journal exists, nothing has changed but the staging folder. The journal lists steps that can be repeated any
number of times. Those of a restore are carried out to the end by whoever finds them; those of an install, which may
still turn out wrong, are taken back.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import RestoreError
from envtool.install.layout import Place

JOURNAL_NAME = "journal.json"


@dataclass(frozen=True)
class Remove:
    """Take away a file or a whole folder."""

    path: Path


Step = Remove | Place


def journal_steps(removals: Iterable[Path], places: Iterable[Place]) -> tuple[Step, ...]:
    """The steps of a swap, such that doing all of them again changes nothing.

    What is to be placed is not listed for removal as well, nor what lies below it: placing takes the old one away, and
    a removal repeated after that would take the new one.
    """
    placed = tuple(places)
    finals = {place.final for place in placed}
    kept = (path for path in removals if finals.isdisjoint((path, *path.parents)))
    return (*(Remove(path) for path in dict.fromkeys(kept)), *placed)


@dataclass(frozen=True)
class Journal:
    """The steps that were begun, and whether they are to be taken back rather than completed."""

    steps: tuple[Step, ...]
    backwards: bool = False


def write_journal(staging: Path, steps: Iterable[Step], *, backwards: bool = False) -> None:
    """From here on the new state is the true one; `backwards`: the old one, until the journal is struck."""
    rows = [
        {"remove": str(step.path)} if isinstance(step, Remove) else {"place": str(step.staged), "at": str(step.final)}
        for step in steps
    ]
    incoming = staging / f"{JOURNAL_NAME}.incoming"
    with open(incoming, "w") as stream:
        json.dump({"schema": 1, "backwards": backwards, "steps": rows}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    incoming.replace(staging / JOURNAL_NAME)
    _sync_folder(staging)


def strike_journal(staging: Path) -> None:
    """The change is done and good: what is left of the staging folder is rubbish."""
    (staging / JOURNAL_NAME).unlink()
    _sync_folder(staging)


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
        Remove(Path(row["remove"])) if "remove" in row else Place(Path(row["place"]), Path(row["at"]))
        for row in table["steps"]
    )
    return Journal(steps, bool(table.get("backwards")))


def carry_out(steps: Iterable[Step], trash: Path) -> None:
    """Do every step that is not done yet. May be called again after having been cut off anywhere."""
    trash.mkdir(exist_ok=True)
    for number, step in enumerate(steps):
        match step:
            case Remove(path):
                _set_aside(path, trash / str(number))
            case Place(staged, final):
                # Without the staged one, an earlier call has placed it already.
                if os.path.lexists(staged):  # Path.exists follows links
                    _set_aside(final, trash / str(number))
                    final.parent.mkdir(parents=True, exist_ok=True)
                    staged.rename(final)


def take_back(steps: Sequence[Step], trash: Path) -> None:
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
            case Place(staged, final):
                # The staged one is missing only while it is in place.
                if not os.path.lexists(staged) and os.path.lexists(final):
                    final.rename(staged)
                if os.path.lexists(aside):
                    aside.rename(final)


def recover_journal(staging: Path) -> bool:
    """Complete or take back what is journalled below `staging`, and clear it away; whether there was anything."""
    journal = read_journal(staging)
    if journal is not None and journal.backwards:
        take_back(journal.steps, staging / "trash")
        strike_journal(staging)
    elif journal is not None:
        carry_out(journal.steps, staging / "trash")
    delete(staging)
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
        delete(path)


def delete(path: Path) -> None:
    """Remove a file, a link or a whole folder; a link's target stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
