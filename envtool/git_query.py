"""Asks git what it knows of a folder, without running anything that the repository may have configured."""

from __future__ import annotations

import os
from pathlib import Path

from envtool.bounded_process import BoundedProcess
from envtool.program_path import find_trusted_program

# Seconds. A listing of a large repository takes one or two; some file systems are slow.
_TIME_LIMIT = 30.0
# Bytes. A list of a million names has a quarter of this.
_OUTPUT_LIMIT = 256 << 20
_SETTINGS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
# A repository that lacks objects has git fetch them, by commands that it names itself (git-config(1), extensions,
# partialClone). No protocol has this name, and so none is allowed; newer gits do not even try.
_VARIABLES = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}
_silent: set[Path] = set()


def ask_git(root: Path, *arguments: str) -> list[str] | None:
    """The names that git prints with `-z`; `None` where there is no git, or no repository of ours.

    Only trees and the index are to be asked for: a comparison with the files would run the filters of a repository that
    may be anybody's, and so would its file system monitor.
    """
    git = find_trusted_program("git", os.environ)
    if git is None or root in _silent:
        return None
    command = [git, *_SETTINGS, "-C", str(root), *arguments]
    try:
        ended = BoundedProcess(command, environment={**os.environ, **_VARIABLES}).wait(_TIME_LIMIT, _OUTPUT_LIMIT)
    except OSError:
        return None
    if ended.status is None:
        # As where a pipe is in the place of a `.gitignore`: a second question would wait as long.
        _silent.add(root)
    if ended.status != 0:
        return None
    return [name for name in ended.out.decode("utf-8", "surrogateescape").split("\0") if name]
