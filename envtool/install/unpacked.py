"""Wheels kept unpacked beside the store, so that a restore on the same file system only makes hard links.

Layout: `<store>/unpacked/<sha256>/files/…` and `manifest.json`, which says of each file what it was when it was held to
RECORD. A folder appears there whole or not at all. Nothing here is ever required: what is not as the manifest says is
taken from the wheel instead.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

from envtool.install.belonging import as_open_as
from envtool.install.unpack import WheelContents, unpack
from envtool.install.write import Member, Unpacked
from envtool.vendor.record import Record, RecordRow
from envtool.vendor.store import FileStore, reported
from envtool.vendor.wheel import StoredWheel, WheelName

_FOLDER, _FILES, _MANIFEST = "unpacked", "files", "manifest.json"
_SCHEMA = 1


def keep_unpacked(contents: WheelContents, store: FileStore, progress: Callable[[int], None]) -> Path:
    """Unpack a wheel into the store, in place of an earlier copy, and return the folder.

    Raises `HashError`, `SourceError` for an unsound wheel and `StoreError` where the store cannot be written.
    """
    final = _folder(store.root, contents.wheel.sha256)
    with reported(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=final.parent))
        try:
            # Links to these files are to be readable by whoever may read an environment.
            incoming.chmod(0o755)
            with as_open_as(incoming):
                unpack(contents, incoming / _FILES, progress)
            (incoming / _MANIFEST).write_text(json.dumps(_manifest(contents, incoming / _FILES)))
            forget_unpacked(contents.wheel.sha256, store)
            incoming.rename(final)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
    return final


def forget_unpacked(sha256: str, store: FileStore) -> bool:
    """Remove a wheel's unpacked copy; environments that have links to its files keep them. Whether there was one."""
    folder = _folder(store.root, sha256)
    if not folder.exists():
        return False
    with reported(folder):
        # Not in place: a restore that reads it meanwhile finds all of it or nothing.
        away = Path(tempfile.mkdtemp(prefix=".removed-", dir=folder.parent))
        folder.rename(away / folder.name)
        shutil.rmtree(away)
    return True


def find_unpacked(wheel: WheelName, sha256: str, store: FileStore) -> WheelContents | None:
    """What was read from a wheel when it was unpacked, or `None` where it was not, or is not in the store itself."""
    path = store.find(sha256)
    folder = _folder(store.root, sha256)
    try:
        table = json.loads((folder / _MANIFEST).read_bytes())
        if path is None or table["schema"] != _SCHEMA:
            return None
        members = tuple(Member(*row) for row in table["members"])
        rows = tuple(RecordRow(*row) for row in table["record"])
        unpacked = Unpacked(str(folder / _FILES), dict(table["times"]))
        return WheelContents(
            StoredWheel(wheel, path, sha256),
            table["dist-info"],
            Record(rows),
            members,
            tuple(table["requires"]),
            unpacked,
        )
    except (OSError, ValueError, KeyError, TypeError):
        # Not there, or not to be read: the wheel is.
        return None


def _manifest(contents: WheelContents, files: Path) -> dict[str, object]:
    prefix = contents.dist_info.removesuffix(".dist-info")
    # An install writes to these, which it must not do through a link.
    own = (f"{contents.dist_info}/", f"{prefix}.data/")
    shared = [member.path for member in contents.members if not member.path.startswith(own)]
    return {
        "schema": _SCHEMA,
        "dist-info": contents.dist_info,
        "requires": list(contents.requires),
        "members": [astuple(member) for member in contents.members],
        "record": [[row.path, row.sha256, row.size] for row in contents.record.rows],
        "times": {path: (files / path).stat().st_mtime_ns for path in shared},
    }


def _folder(root: Path, sha256: str) -> Path:
    return root / _FOLDER / sha256
