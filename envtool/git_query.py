"""Asks git what it knows of a folder, without running anything that the repository may have configured."""

from __future__ import annotations

from pathlib import Path

from envtool.bounded_process import BoundedProcess

# Seconds. A listing of a large repository takes one or two; some file systems are slow.
_TIME_LIMIT = 120.0
# Bytes. A list of a million names has a quarter of this.
_OUTPUT_LIMIT = 256 << 20


def ask_git(root: Path, *arguments: str) -> list[str] | None:
    """The names that git prints with `-z`; `None` where there is no git, or no repository of ours.

    Only trees and the index are to be asked for: a comparison with the files would run the filters of a repository that
    may be anybody's, and so would its file system monitor.
    """
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(root), *arguments]
    try:
        ended = BoundedProcess(command).wait(_TIME_LIMIT, _OUTPUT_LIMIT)
    except OSError:
        return None
    if ended.status != 0:
        return None
    return [name for name in ended.out.decode("utf-8", "surrogateescape").split("\0") if name]
