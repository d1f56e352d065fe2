"""The accounts of a file system: passwd(5), as engines and programs such as su read it."""

from __future__ import annotations

from envtool.environment.file_tree import FileTree, read_tree_text


def find_home(tree: FileTree, user: str) -> str:
    """The home folder of a user, by name or number; engines set HOME to it."""
    row = _find_row(tree, user)
    return (row[5] if row else "") or ("/root" if user.partition(":")[0] in {"0", "root"} else "/")


def find_shell(tree: FileTree, user: str) -> str:
    """The shell that su starts for a user."""
    row = _find_row(tree, user)
    return (row[6] if len(row) > 6 else "") or "/bin/sh"


def _find_row(tree: FileTree, user: str) -> list[str]:
    name = user.partition(":")[0]
    rows = [line.split(":") for line in (read_tree_text(tree, "/etc/passwd") or "").splitlines()]
    return next((row for row in rows if len(row) > 5 and name in (row[0], row[2])), [])
