"""The journal of a restore: once it is written, the restore will be completed, if need be by a later call.

Before the journal exists, a restore has changed nothing but its own staging folder. The journal lists steps
that can be repeated any number of times, so that whoever finds it just carries them all out.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable
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


def write_journal(staging: Path, steps: Iterable[Step]) -> None:
    """The point of no return: from here on the new state is the true one."""
    rows = [
        {"remove": str(step.path)} if isinstance(step, Remove) else {"place": str(step.staged), "at": str(step.final)}
        for step in steps
    ]
    incoming = staging / f"{JOURNAL_NAME}.incoming"
    with open(incoming, "w") as stream:
        json.dump({"schema": 1, "steps": rows}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    incoming.replace(staging / JOURNAL_NAME)
    _sync_folder(staging)


def read_journal(staging: Path) -> tuple[Step, ...] | None:
    """The steps of an interrupted restore, or `None` where none was begun in earnest."""
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
    return tuple(
        Remove(Path(row["remove"])) if "remove" in row else Place(Path(row["place"]), Path(row["at"]))
        for row in table["steps"]
    )


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
