"""Where a checkout comes from and which revision it is, for an image's labels."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from envtool.errors import BuildError, SetupError
from envtool.image.run_program import run


def read_source(project: Path) -> str:
    """Where the clone comes from, without a credential; a folder of this machine says nothing elsewhere."""
    try:
        address = run(["git", "-C", project, "config", "--get", "remote.origin.url"]).strip()
    except (BuildError, SetupError):
        address = ""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https", "ssh", "git"} or parts.hostname is None:
        return "hac-envtool"
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def read_revision(project: Path) -> str:
    """The commit, with `-dirty` where files were changed since; `unknown` for an archive of the source."""
    try:
        commit = run(["git", "-C", project, "rev-parse", "HEAD"]).strip()
        changed = run(["git", "-C", project, "status", "--porcelain", "--untracked-files=no"]).strip()
    except (BuildError, SetupError):
        return "unknown"
    return f"{commit}-dirty" if changed else commit
