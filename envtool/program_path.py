"""Finds programs that envtool starts by itself: none that somebody else may have put there.

A PATH with `.` in it, or an empty part, has a shell start what lies in the working folder, which may be a project that
somebody else wrote; root's PATH may have folders of others, as behind `sudo -E` or `su`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from envtool.private_folder import is_private


def find_trusted_program(name: str, variables: Mapping[str, str]) -> str | None:
    """The program `name` on the PATH of `variables`, but for relative parts; as root also for what others may change.

    `None` where there is no such program.
    """
    for folder in variables.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which(name, path=folder) if folder.startswith("/") else None
        if found is not None and (os.geteuid() != 0 or is_private(found)):
            return found
    return None
