"""What is mounted in an environment: a volume's files are not the environment's to remove or replace.

Source: proc_pid_mountinfo(5), which has bind mounts of the same file system as well.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RestoreError
from envtool.language import tell
from envtool.transaction.journal import Journal, MoveRow
from envtool.transaction.open_folder import read_mount_id

if TYPE_CHECKING:
    from envtool.transaction.scope import OpenScope

_ESCAPED = re.compile(rb"\\([0-7]{3})")


def list_mounts() -> frozenset[str]:
    """The mount points that this process sees; none where /proc is not mounted."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return frozenset()
    fields = [line.split(b" ")[4] for line in lines if line.count(b" ") > 4]
    return frozenset(
        _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), field).decode(errors="surrogateescape")
        for field in fields
    )


def refuse_mounts(paths: Iterable[str]) -> None:
    """Refuse a change that would remove or replace `paths`, which have no links, where one is or holds a mount.

    Raises `RestoreError`.
    """
    changed = set(paths)
    for mount in sorted(list_mounts()):
        if not changed.isdisjoint((mount, *map(str, Path(mount).parents))):
            raise RestoreError(
                tell("{mount} is mounted where files would be replaced or removed", mount=mount),
                why=tell("what is in it belongs to a volume, or lies elsewhere as well; nothing was changed"),
                remedy=tell(
                    "umount {mount}   (in a container: start it without that volume), then try again",
                    mount=shlex.quote(mount),
                ),
            )


def refuse_foreign_mounts(journal: Journal, opened: OpenScope) -> None:
    """As `refuse_mounts` for every row of a journal; nor may a file have to move to another file system or mount.

    Raises `RestoreError`.
    """
    refuse_mounts(opened.describe(row.target) for row in journal.rows)
    own = read_mount_id(opened.folder)
    seen: set[tuple[str, str]] = set()
    for row in journal.rows:
        if not isinstance(row, MoveRow) or (row.target.root, row.target.folder) in seen:
            continue
        seen.add((row.target.root, row.target.folder))
        parent = opened.open_parent(row.target)
        if parent is not None and read_mount_id(parent) != own:
            raise RestoreError(
                tell(
                    "{describe} is on another file system than {folder}",
                    describe=opened.describe(row.target),
                    folder=opened.scope.folder,
                ),
                why=tell("files are put in place by renaming them, which takes one file system; nothing was changed"),
                remedy=tell("have the whole environment on one, or in one volume"),
            )
