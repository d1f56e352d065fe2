"""Completes or takes back the change that an interrupted command left in a prefix."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from envtool.transaction.as_owner import run_as_owner
from envtool.transaction.journal import recover_journal
from envtool.transaction.lock import prefix_lock, translate_os_errors
from envtool.transaction.permissions import umask_like
from envtool.transaction.staging import STAGING_NAME

if TYPE_CHECKING:
    from envtool.progress import Progress
    from envtool.transaction.scope import ChangeScope


def recover(*scopes: ChangeScope) -> bool:
    """Complete an interrupted restore, take back an install, or clear away what had changed nothing yet.

    Returns whether there was a journal. Raises `RestoreError`.
    """
    found = False
    for scope in scopes:
        if os.path.lexists(scope.folder / STAGING_NAME):  # Path.exists follows links
            found = run_as_owner(scope.find_owner(), partial(_recover, scope)) or found
    return found


def _recover(scope: ChangeScope, _progress: Progress) -> bool:
    with translate_os_errors(scope.prefix), prefix_lock(scope.prefix, scope.lock), umask_like(scope.folder):
        return recover_journal(scope.folder / STAGING_NAME)
