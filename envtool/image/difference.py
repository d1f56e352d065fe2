"""Two archives of whole trees → a layer with what the second has and the first has not, or has otherwise.

So a child's layer comes from the very steps that make a whole image. What only the first has stays in the child: the
instruction that unpacks a layer cannot delete, and a file that no package names any more does no harm.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class _Content:
    """What tells whether a member is the same in both: all but its time, which is no change by itself."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    target: str
    digest: str


def write_difference(before: Path, after: Path, target: Path) -> int:
    """Write the members of the archive `after` that `before` has not, and return their number. Raises `OSError`."""
    known = _contents(before)
    incoming = target.with_suffix(".incoming")
    count = 0
    with tarfile.open(after) as source, tarfile.open(incoming, "w", format=tarfile.PAX_FORMAT) as result:
        written: set[str] = set()
        for member in source:
            name = _name(member)
            if name == "." or known.get(name) == _content(source, member):
                continue
            count += 1
            written.add(name)
            _add(source, member, result, written)
    incoming.replace(target)
    return count


def _add(source: tarfile.TarFile, member: tarfile.TarInfo, result: tarfile.TarFile, written: set[str]) -> None:
    stream: IO[bytes] | None = source.extractfile(member) if member.isreg() or member.islnk() else None
    if member.islnk():
        if os.path.normpath(member.linkname) in written:
            stream = None
        else:
            # A link into a lower layer: a file of its own, as the builder would have to copy that one up.
            original = source.getmember(member.linkname)
            member.type, member.size, member.linkname = tarfile.REGTYPE, original.size, ""
    result.addfile(member, stream)


def _contents(archive: Path) -> Mapping[str, _Content]:
    found: dict[str, _Content] = {}
    with tarfile.open(archive) as source:
        for member in source:
            found[_name(member)] = _content(source, member)
    return found


def _content(source: tarfile.TarFile, member: tarfile.TarInfo) -> _Content:
    digest, kind, target = "", member.type, member.linkname
    if member.isreg() or member.islnk():
        stream = source.extractfile(member)
        assert stream is not None
        digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
        # By content: which of two linked paths is listed as the file does not matter.
        kind, target = tarfile.REGTYPE, ""
    return _Content(kind, member.mode, (member.uid, member.gid), target, digest)


def _name(member: tarfile.TarInfo) -> str:
    return os.path.normpath(member.name)
