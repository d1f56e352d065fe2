"""What a restore or an install that was broken off left behind: completed, taken back or cleared away."""

from __future__ import annotations

import os
from pathlib import Path

from envtool.transaction.journal import recover_journal
from envtool.transaction.lock import prefix_lock, translate_os_errors
from envtool.transaction.permissions import umask_like
from envtool.transaction.staging import STAGING_NAME


def recover(prefix: Path, *folders: Path) -> bool:
    """Complete a restore that was cut off, take an install back, or clear away what had not begun to change anything.

    `folders` are site-packages first, and the others that a restore may have worked in. Returns whether there was one
    to complete. Raises `RestoreError`.
    """
    found = False
    for folder in folders:
        staging = folder / STAGING_NAME
        if os.path.lexists(staging):  # Path.exists follows links
            with translate_os_errors(prefix), prefix_lock(prefix, folders[0]), umask_like(folder):
                found = recover_journal(staging) or found
    return found
