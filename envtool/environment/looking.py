"""Looking at a path that this user may not reach: `pathlib` raises there; here the answer is that it is not seen."""

from __future__ import annotations

import os
from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether there is a file that this user can see; links are followed."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether there is a folder that this user can see; links are followed."""
    return os.path.isdir(path)  # noqa: PTH112


def leads_nowhere(path: Path) -> bool:
    """Whether it is certain that nothing is there, as with a link to what was removed."""
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return False
