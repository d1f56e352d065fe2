"""What a restore or an install that was broken off left behind: completed, taken back or cleared away."""

from __future__ import annotations

import os
from pathlib import Path

from envtool.environment.leftover import STAGING_NAME
from envtool.environment.prefix import Prefix
from envtool.install.belonging import as_open_as
from envtool.install.journal import recover_journal
from envtool.restore.exclusive import alone, reported


def recover(prefix: Prefix, *others: Path) -> bool:
    """Complete a restore that was cut off, take an install back, or clear away what had not begun to change anything.

    `others` are further folders that a restore may have worked in. Returns whether there was one to complete. Raises
    `RestoreError`.
    """
    found = False
    for folder in (prefix.site_packages, *others):
        staging = folder / STAGING_NAME
        if os.path.lexists(staging):  # Path.exists follows links
            with reported(prefix), alone(prefix), as_open_as(folder):
                found = recover_journal(staging) or found
    return found
