"""Completes or takes back the change that an interrupted command left in a prefix."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from envtool.transaction.as_owner import run_as_owner
from envtool.transaction.journal_file import delete_journal, read_journal
from envtool.transaction.mounts import refuse_foreign_mounts
from envtool.transaction.postponed_signals import postponed_signals
from envtool.transaction.replay import replay, roll_back
from envtool.transaction.staging import STAGING_NAME, delete_staging, open_staging

if TYPE_CHECKING:
    from envtool.progress import Progress
    from envtool.transaction.scope import ChangeScope


def recover(*scopes: ChangeScope) -> bool:
    """Complete an interrupted restore, take back an install, or clear away what had changed nothing yet.

    Returns whether there was a journal. Raises `RestoreError`, also where a journal cannot be believed.
    """
    found = False
    for scope in scopes:
        if os.path.lexists(scope.folder / STAGING_NAME):  # Path.exists follows links
            found = run_as_owner(scope.find_owner(), partial(_recover, scope)) or found
    return found


def _recover(scope: ChangeScope, _progress: Progress) -> bool:
    with postponed_signals(), scope.open() as opened, open_staging(opened) as staging:
        journal = read_journal(opened, staging)
        if journal is not None:
            refuse_foreign_mounts(journal, opened)
            if journal.backwards:
                roll_back(journal, opened, staging)
            else:
                replay(journal, opened, staging)
            delete_journal(staging)
        delete_staging(opened)
        return journal is not None
