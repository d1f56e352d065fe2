"""One change of what is in a scope: stage, write the journal, replay it, clear away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from envtool.transaction.fsync import sync_file_system, sync_folder
from envtool.transaction.journal import JournalStep, RemoveRow, make_journal
from envtool.transaction.journal_file import delete_journal, write_journal
from envtool.transaction.mounts import refuse_foreign_mounts
from envtool.transaction.postponed_signals import postponed_signals
from envtool.transaction.prune import prune
from envtool.transaction.replay import replay
from envtool.transaction.staging import delete_staging, make_staging

if TYPE_CHECKING:
    from envtool.transaction.scope import ChangeScope

# Fills the folder that it is given, and returns what is to be done with what is in it.
Stage: TypeAlias = Callable[[Path], Sequence[JournalStep]]


def make_change(scope: ChangeScope, stage: Stage) -> None:
    """Make a change, alone in the environment. Folders that become empty go.

    Raises `RestoreError`, and what `stage` raises: nothing is changed then, or the next recovery completes it. Who is
    told to stop once the journal is there stops when the change is done.
    """
    with scope.open() as opened, ExitStack() as stack:
        with make_staging(opened) as staging:
            journal = make_journal(stage(staging.path), opened, staging.path)
            refuse_foreign_mounts(journal, opened)
            sync_file_system(staging.handle)
            # What follows are renames, and the deletion of what was replaced.
            stack.enter_context(postponed_signals())
            write_journal(staging, journal)
            replay(journal, opened, staging)
            prune(opened, (row.target for row in journal.rows if isinstance(row, RemoveRow)))
            delete_journal(staging)
        delete_staging(opened)
        # Else the cleared folder could be there again after a loss of power.
        sync_folder(opened.folder)
