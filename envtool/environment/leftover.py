"""What a stopped installer leaves in site-packages: pip's `~…` entries, and the staging folder of a restore."""

from __future__ import annotations

import re
from collections.abc import Iterable

# pip's AdjacentTempDirectory puts `~` first and replaces further leading characters by these.
_LEFTOVER = re.compile(r"~[-~.=%0-9]*(?P<tail>[A-Za-z_][A-Za-z0-9_]+)(?:-(?P<version>[^-]+))?(?:\.dist-info)?")


def match_leftover(entry: str, names: Iterable[str]) -> str | None:
    """Which of `names` a `~…` entry is the remains of, or `None`: `~orch` of torch, `~-rch-1.7.1.dist-info` too."""
    match = _LEFTOVER.fullmatch(entry)
    if match is None:
        return None
    tail = match["tail"].lower()
    return next((name for name in names if name != tail and name.endswith(tail)), None)


def parse_leftover_version(entry: str) -> str | None:
    """The version that a leftover `.dist-info` bears, or `None`."""
    match = _LEFTOVER.fullmatch(entry)
    return match["version"] if match and entry.endswith(".dist-info") else None
