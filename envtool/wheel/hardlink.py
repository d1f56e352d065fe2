"""Lays a distribution out by hard links to an unpacked copy of its wheel."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.transaction.open_folder import open_folder
from envtool.transaction.permissions import read_umask
from envtool.wheel.extract import ExtractJob, extract_all
from envtool.wheel.layout import Layout, finish_layout
from envtool.wheel.name import require_sha256
from envtool.wheel.record import parse_record

if TYPE_CHECKING:
    from envtool.transaction.move import Move
    from envtool.wheel.archive import ArchiveMember
    from envtool.wheel.unpacked_store import UnpackedWheel


def stage_links(unpacked: UnpackedWheel, layout: Layout, staging: Path, *, requested: bool) -> tuple[Move, ...]:
    """Like `layout.stage_wheel`, but with links to the files of `unpacked`.

    A file that has changed since it was unpacked, or that cannot be linked, is written from the wheel. Size and time of
    a file can be set back by whoever edits it, the time of its last change of any kind cannot: a file that changed, or
    was linked or unlinked, since the copy was last known to be good is hashed (inode(7)).
    """
    tree = staging / unpacked.wheel.name.name
    tree.mkdir(parents=True)
    made = tree.stat()
    linker = _Linker(tree, (made.st_uid, made.st_gid), read_umask(), unpacked)
    amiss = {path for folder in unpacked.shared for path in linker.link_folder(folder)}
    _write(unpacked, tree, unpacked.own)
    if amiss:
        from envtool.wheel.contents import read_contents

        members = [member for member in read_contents(unpacked.wheel).members if member.path in amiss]
        if len(members) < len(amiss):
            require_sha256(unpacked.wheel.path, unpacked.wheel.sha256, label=unpacked.wheel.name.filename)
        # By the hashes of when it was unpacked: the wheel itself was not hashed again.
        _write(unpacked, tree, tuple(replace(member, sha256=linker.hashes[member.path]) for member in members))
    name = unpacked.wheel.name.name
    return finish_layout(name, unpacked.dist_info, unpacked.record, layout, staging, requested=requested)


def _write(unpacked: UnpackedWheel, tree: Path, members: tuple[ArchiveMember, ...]) -> None:
    wheel = unpacked.wheel
    extract_all(ExtractJob(str(wheel.path), wheel.name.filename, str(tree), members), lambda _bytes: None)


@dataclass(frozen=True)
class _Linker:
    """Links files into `tree` whose owner and permissions are what a new file there would have."""

    tree: Path
    owner: tuple[int, int]
    umask: int
    unpacked: UnpackedWheel

    @cached_property
    def hashes(self) -> Mapping[str, str | None]:
        """The sha256 of each file."""
        return {row.path: row.sha256 for row in parse_record(self.unpacked.record).rows}

    def link_folder(self, folder: str) -> Iterator[str]:
        """Link the files of one folder. Yields the paths of those that were not."""
        unpacked, checked = self.unpacked, self.unpacked.checked
        prefix = f"{folder}/" if folder else ""
        modes = {executable: stat.S_IFREG | (0o777 if executable else 0o666) & ~self.umask for executable in (0, 1)}
        (self.tree / folder).mkdir(parents=True, exist_ok=True)
        if not (unpacked.folder / folder).is_dir():
            yield from (f"{prefix}{name}" for name, *_rest in unpacked.shared[folder])
            return
        with open_folder(self.tree / folder) as target, open_folder(unpacked.folder / folder) as source:
            for name, size, time, executable in unpacked.shared[folder]:
                try:
                    # Relative to the two folders: half of the time would go into finding them, for every file.
                    found = os.stat(name, dir_fd=source, follow_symlinks=False)
                    same = (found.st_mode, found.st_size, found.st_mtime_ns) == (modes[executable], size, time)
                    same = same and (found.st_uid, found.st_gid) == self.owner
                    if same and (found.st_ctime_ns < checked or self._is_good(f"{prefix}{name}", name, source)):
                        os.link(name, name, src_dir_fd=source, dst_dir_fd=target)
                        continue
                except OSError:
                    # Another file system, a file that has as many links as it can have, or one that is gone.
                    pass
                yield f"{prefix}{name}"

    def _is_good(self, path: str, name: str, folder: int) -> bool:
        """Whether a file has the hash that RECORD says; one that has not is taken out of the copy."""
        with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder), "rb") as stream:
            is_good = hashlib.file_digest(stream, "sha256").hexdigest() == self.hashes.get(path)
        if not is_good:
            os.unlink(name, dir_fd=folder)
        return is_good
