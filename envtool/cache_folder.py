"""The one folder of this user where envtool keeps what it can make again: `~/.cache/hac-envtool`.

Source: XDG Base Directory Specification, `XDG_CACHE_HOME`; a relative path in it is ignored.
"""

from __future__ import annotations

import os
from pathlib import Path


def find_cache_root() -> Path | None:
    """The folder, which need not exist yet; `None` where this user has no home folder."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if named.startswith("/"):
        return Path(named, "hac-envtool")
    try:
        return Path.home() / ".cache/hac-envtool"
    except RuntimeError:
        return None
