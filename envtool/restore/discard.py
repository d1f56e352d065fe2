"""Deletes what was replaced, beside whatever else there is to do: thousands of files, for which a disk takes its time.

By programs of their own, as a fork of this one would first copy the memory that both touch. Whatever is left, where
they are killed or not there, goes with the staging folder.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from envtool.restore.plan import RestorePlan
from envtool.transaction.journal import TRASH_NAME, Journal, now_at

# Old files from which another process is worth its start.
_WORTH_A_PROCESS = 1000


@dataclass(frozen=True)
class Crowd:
    """How many files go, and the one folder that most of them are in."""

    files: int = 0
    fullest: Path | None = None


def crowd_of(plan: RestorePlan) -> Crowd:
    """What leaves with a plan, as RECORD has it; to be asked before it does."""
    counts: Counter[Path] = Counter()
    for leaving in plan.leaving:
        for item in plan.environment.find(leaving.name):
            record = item.record()
            folders = Counter(row.path.rpartition("/")[0] for row in (record.rows if record is not None else ()))
            counts.update({item.site_packages / folder: count for folder, count in folders.items()})
    return Crowd(counts.total(), max(counts, key=counts.__getitem__, default=None))


@contextmanager
def discarding(staging: Path, journal: Journal, crowd: Crowd) -> Iterator[None]:
    """Delete what the steps of a journal set aside meanwhile; once all are done, no recovery wants it back."""
    remove = shutil.which("rm")
    if remove is None or crowd.files < _WORTH_A_PROCESS:
        yield
        return
    trash = staging / TRASH_NAME
    # The fullest folder by one and everything else by another, which then meets the first one's rest: torch has more
    # than half of its files in one folder, and -f takes no offence at what is gone already.
    fullest = now_at(journal, trash, crowd.fullest) if crowd.fullest is not None else None
    with ExitStack() as running:
        for path in (*((fullest,) if fullest is not None else ()), trash):
            words = [remove, "-rf", "--", path]
            running.enter_context(
                subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
        yield
