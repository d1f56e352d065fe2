"""Completes or takes back the change that an interrupted command left in a prefix."""

from __future__ import annotations

import os
from pathlib import Path

from envtool.transaction.journal import recover_journal
from envtool.transaction.lock import prefix_lock, translate_os_errors
from envtool.transaction.permissions import umask_like
from envtool.transaction.staging import STAGING_NAME


def recover(prefix: Path, *folders: Path) -> bool:
    """Complete an interrupted restore, take back an install, or clear away what had changed nothing yet.

    `folders` are site-packages first, then the others that may hold a staging folder. Returns whether there was a
    journal. Raises `RestoreError`.
    """
    found = False
    for folder in folders:
        staging = folder / STAGING_NAME
        if os.path.lexists(staging):  # Path.exists follows links
            with translate_os_errors(prefix), prefix_lock(prefix, folders[0]), umask_like(folder):
                found = recover_journal(staging) or found
    return found
