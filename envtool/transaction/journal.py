"""The journal of a change to a prefix: a log that can be replayed or rolled back after any interruption.

Before the journal exists, nothing but the staging folder has changed. Its rows can be repeated any number of times.
An interrupted restore is replayed to the end. An interrupted install, which may still turn out wrong, is rolled back.

Its paths are relative, to the roots of the change or to the staging folder: a journal that somebody else wrote names
nothing outside of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.transaction.move import Move

if TYPE_CHECKING:
    from envtool.transaction.scope import OpenScope, RootPath


@dataclass(frozen=True)
class Remove:
    """Removes a file or a whole folder."""

    path: Path


JournalStep = Remove | Move


@dataclass(frozen=True)
class RemoveRow:
    """A row of a journal: what is at `target` is set aside."""

    target: RootPath


@dataclass(frozen=True)
class MoveRow:
    """A row of a journal: what is at the path `staged` below the staging folder goes to `target`."""

    staged: str
    target: RootPath


JournalRow = RemoveRow | MoveRow


@dataclass(frozen=True)
class Journal:
    """The rows of a change. `backwards`: an interrupted change is rolled back, not completed.

    `mark` is the name of the file in each new folder, or empty where there is none. A folder is exchanged with its
    replacement in one step, so that Python finds the old or the new one at every moment; the mark, whose name only this
    journal knows, tells whether that was done.
    """

    rows: tuple[JournalRow, ...]
    backwards: bool = False
    mark: str = ""


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


def make_journal(steps: Sequence[JournalStep], opened: OpenScope, staging: Path, *, backwards: bool = False) -> Journal:
    """The journal of some steps, whose moves start below the folder `staging`. Raises `RestoreError` for one outside.

    A change that is to be completed has its staged folders marked.
    """
    mark = "" if backwards else f".hac-{os.urandom(8).hex()}"
    rows: list[JournalRow] = []
    for step in steps:
        if isinstance(step, Remove):
            rows.append(RemoveRow(opened.locate(step.path)))
            continue
        rows.append(MoveRow(str(step.staged.relative_to(staging)), opened.locate(step.final)))
        if mark and step.staged.is_dir() and not step.staged.is_symlink():
            (step.staged / mark).touch()
    return Journal(tuple(rows), backwards, mark)
