"""The one folder of this user where envtool keeps what it can make again: `~/.cache/hac-envtool`.

Source: XDG Base Directory Specification, `XDG_CACHE_HOME`; a relative path in it is ignored. Root ignores a folder that
others can write as well, as it may be named behind `sudo -E`.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from envtool.private_folder import is_private


def find_cache_root() -> Path | None:
    """The folder, which need not exist yet; `None` where this user has no home folder."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if named.startswith("/") and (os.geteuid() != 0 or not os.path.exists(named) or is_private(named)):  # noqa: PTH110
        return Path(named, "hac-envtool")
    home = _find_home()
    return home / ".cache/hac-envtool" if home is not None else None


def _find_home() -> Path | None:
    """The home folder. As root that is root's own, where HOME is still another user's, as it may be behind sudo."""
    try:
        home = Path.home()
        if os.geteuid() == 0 and home.stat().st_uid != 0:
            home = Path(pwd.getpwuid(0).pw_dir)
    except (RuntimeError, KeyError):
        return None
    except OSError:
        pass
    return home
