"""Unpacked copies of wheels in the store, so that a restore on the same file system only makes hard links.

Layout: `<store>/unpacked/<sha256>/files/…` and `manifest.json`, which has the size and time of each file when it was
checked against RECORD; the file `checked` was changed when all of them were last known to be good. A folder appears
there whole or not at all. What differs from the manifest is taken from the wheel instead, each file by its sha256, so
that the wheel need not be hashed as a whole; a copy that others can write is left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.allowed_folder import open_allowed_folder
from envtool.documents import parse_json
from envtool.errors import HashError, SourceError
from envtool.private_folder import is_private
from envtool.regular_file import read_regular_file
from envtool.temporary_folder import temporary_folder
from envtool.transaction.permissions import umask_like
from envtool.wheel.archive import Archive, ArchiveMember
from envtool.wheel.name import StoredWheel, WheelName
from envtool.wheel.store import FileStore, translate_store_errors

if TYPE_CHECKING:
    from envtool.wheel.contents import WheelContents

_FILES, _MANIFEST, _CHECKED = "files", "manifest.json", "checked"
_SCHEMA = 5


@dataclass(frozen=True, kw_only=True)
class UnpackedWheel:
    """A wheel and the copy of its files in `folder`, to which hard links may be made.

    `shared` has, for each folder, its files: name, size in bytes, when it was last modified in ns, and whether it is
    executable. `own` are the members that no environment shares, as an install writes to them, each with its sha256.
    `record` is what the wheel gives to an installed RECORD, `size` that of all files in bytes. Files that changed
    before `checked`, in ns, are known to be good.
    """

    wheel: StoredWheel
    folder: Path
    dist_info: str
    requires: tuple[str, ...]
    size: int
    shared: Mapping[str, list[tuple[str, int, int, bool]]]
    own: tuple[ArchiveMember, ...]
    record: bytes
    checked: int


def add_unpacked(contents: WheelContents, store: FileStore, progress: Callable[[int], None]) -> Path:
    """Unpack a wheel into the store, in place of an earlier copy, and return the folder.

    Raises `HashError`, `SourceError` for an unsound wheel and `StoreError` where the store cannot be written.
    """
    from envtool.wheel.contents import unpack

    final = store.unpacked_folder(contents.wheel.sha256)
    with translate_store_errors(final):
        with open_allowed_folder(final.parent, make=True) as inside, temporary_folder(inside) as incoming:
            # Links to these files are to be readable by whoever may read an environment.
            incoming.chmod(0o755)
            with umask_like(incoming):
                unpack(contents, incoming / _FILES, progress)
            (incoming / _MANIFEST).write_text(json.dumps(_build_manifest(contents, incoming / _FILES)))
            (incoming / _CHECKED).touch()
            remove_unpacked(contents.wheel.sha256, store)
            incoming.rename(inside / final.name)
    return final


def remove_unpacked(sha256: str, store: FileStore) -> bool:
    """Remove a wheel's unpacked copy; environments that have links to its files keep them. Whether there was one."""
    folder = store.unpacked_folder(sha256)
    if not folder.exists():
        return False
    with translate_store_errors(folder):
        # Not in place: a restore that reads it meanwhile finds all of it or nothing.
        with open_allowed_folder(folder.parent) as inside, temporary_folder(inside) as away:
            (inside / folder.name).rename(away / folder.name)
    return True


def find_unpacked(filename: str, sha256: str, store: FileStore) -> UnpackedWheel | None:
    """A wheel's unpacked copy, or `None` where there is none that can be used, or the wheel is not in the store."""
    folder = store.unpacked_folder(sha256)
    if not is_private(folder / _MANIFEST) or not is_private(folder / _FILES):
        return None
    path = store.find_unhashed(sha256)
    try:
        table = parse_json(read_regular_file(folder / _MANIFEST))
        if path is None or table["schema"] != _SCHEMA or not _has_inner_paths(table):
            return None
        own = tuple(_read_own(row) for row in table["own"])
        if not _has_members(path, own):
            return None
        return UnpackedWheel(
            wheel=StoredWheel(WheelName.parse(filename), path, sha256),
            folder=folder / _FILES,
            dist_info=table["dist-info"],
            requires=tuple(table["requires"]),
            size=table["size"],
            shared=table["shared"],
            own=own,
            record=table["record"].encode("utf-8", errors="surrogateescape"),
            checked=(folder / _CHECKED).lstat().st_ctime_ns,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Not there, or not to be read: the wheel is.
        return None


def _read_own(row: Mapping[str, Any]) -> ArchiveMember:
    """Raises `ValueError` for a member without a hash: nothing else vouches for what is read from the wheel."""
    if not row["sha256"]:
        raise ValueError(row["path"])
    return ArchiveMember(**row)


def _has_members(path: Path, members: Iterable[ArchiveMember]) -> bool:
    """Whether a wheel's file has these members: they are few and small, and another file is better told of now."""
    archive = Archive(path, path.name)
    try:
        for member in members:
            archive.read(member)
    except (HashError, SourceError):
        return False
    return True


def mark_checked(unpacked: UnpackedWheel) -> None:
    """Note that links to the copy were made from files that are good, so that they need not be hashed next time."""
    # Where the copy cannot be written, they are.
    with contextlib.suppress(OSError):
        (unpacked.folder.parent / _CHECKED).touch()


def _has_inner_paths(table: Mapping[str, Any]) -> bool:
    """Whether every path of a manifest stays in the folder that it is about."""
    paths = [*table["shared"], *(row["path"] for row in table["own"]), f"{table['dist-info']}/RECORD"]
    names = {name for rows in table["shared"].values() for name, *_rest in rows}
    inner = all(not path.startswith("/") and ".." not in path.split("/") for path in paths)
    return inner and names.isdisjoint({"", ".", ".."}) and not any("/" in name for name in names)


def _build_manifest(contents: WheelContents, files: Path) -> dict[str, object]:
    from envtool.wheel.layout import render_base_record

    shared: dict[str, list[tuple[str, int, int, bool]]] = {}
    for member in sorted(contents.shared_members(), key=lambda member: member.path):
        folder, _separator, name = member.path.rpartition("/")
        time = (files / member.path).stat().st_mtime_ns
        shared.setdefault(folder, []).append((name, member.size, time, member.executable))
    return {
        "schema": _SCHEMA,
        "dist-info": contents.dist_info,
        "requires": list(contents.requires),
        "size": contents.size,
        "shared": shared,
        "own": [asdict(_with_sha256(member, files)) for member in contents.own_members()],
        "record": render_base_record(contents).decode("utf-8", errors="surrogateescape"),
    }


def _with_sha256(member: ArchiveMember, files: Path) -> ArchiveMember:
    """A member with the sha256 of its unpacked file, as RECORD has none for itself and for signatures."""
    return replace(member, sha256=hashlib.sha256((files / member.path).read_bytes()).hexdigest())
