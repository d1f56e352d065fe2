"""Brings a commit that a requirement names from a git repository into a folder (pip documentation, "VCS Support")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from envtool.bounded_process import BoundedProcess
from envtool.errors import SetupError, SourceError
from envtool.language import tell
from envtool.printable import shorten_start

_OUTPUT_LIMIT = 1 << 20
_ADDRESS = re.compile(
    r"git\+(?P<url>[a-z+]+://[^#]+?|[\w.-]+@[^#]+?)(?:@(?P<revision>[^@/#][^@#]*))?(?:#(?P<fragment>.*))?"
)
# Nothing of the repository's runs, nobody is asked for a password, and no prompt waits.
_SETTINGS = ("-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "advice.detachedHead=false")
_VARIABLES = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GIT_LFS_SKIP_SMUDGE": "1",
              "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=20"}  # fmt: skip


@dataclass(frozen=True)
class GitAddress:
    """A direct reference to a git repository. `revision` is a branch, a tag or a commit; `folder` is inside of it."""

    url: str
    revision: str | None = None
    folder: str = ""


def parse_git_address(link: str) -> GitAddress | None:
    """A `git+…` address taken apart, or `None` for another address."""
    match = _ADDRESS.fullmatch(link)
    if match is None:
        return None
    folder = parse_qs(match["fragment"] or "").get("subdirectory", [""])[0]
    if Path(folder).is_absolute() or ".." in Path(folder).parts:
        return None
    return GitAddress(match["url"], match["revision"], folder)


def check_out(address: GitAddress, target: Path, variables: Mapping[str, str], options: Mapping[str, Any],
              time_limit: float) -> Path:  # fmt: skip
    """Check the repository out below `target`; the project's folder. `options` are `subprocess.Popen`'s.

    Raises `SourceError`, and `SetupError` where there is no git.
    """
    if address.revision is None:
        _run_git(["clone", "--quiet", "--depth", "1", "--", address.url, str(target)], variables, options, time_limit)
    else:
        _run_git(["init", "--quiet", str(target)], variables, options, time_limit)
        fetch = ["-C", str(target), "fetch", "--quiet", "--depth", "1", "--", address.url, address.revision]
        try:
            _run_git(fetch, variables, options, time_limit)
        except SourceError:
            # A short commit, or a server that gives no single ones.
            every = "+refs/*:refs/fetched/*"
            _run_git([*fetch[:4], "--", address.url, every], variables, options, time_limit)
            found = address.revision
        else:
            found = "FETCH_HEAD"
        _run_git(["-C", str(target), "checkout", "--quiet", "--detach", found, "--"], variables, options, time_limit)
    return target / address.folder


def _run_git(words: list[str], variables: Mapping[str, str], options: Mapping[str, Any], time_limit: float) -> None:
    try:
        process = BoundedProcess(
            ["git", *_SETTINGS, *words],
            environment={**variables, **_VARIABLES},
            **{"process_group": 0, **options},
        )
    except OSError as error:
        raise SetupError(
            tell("git cannot be started"), why=str(error.strerror), remedy="apt-get install git"
        ) from error
    ended = process.wait(time_limit, _OUTPUT_LIMIT)
    if ended.status != 0:
        said = ended.err.decode("utf-8", "replace").split("\n")
        words_of_git = " ".join(line.strip() for line in said if line.startswith(("fatal:", "error:", "remote:")))
        why = shorten_start(words_of_git, 400) or tell(
            "git gave no answer within {time_limit:.0f} seconds", time_limit=time_limit
        )
        raise SourceError(tell("a git repository cannot be fetched"), why=why)
