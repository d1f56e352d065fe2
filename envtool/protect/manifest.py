"""What `protect` changed in an environment, kept in it, so that it can be taken back exactly.

Whoever may write the environment may write this as well. It is believed only of the places that `protect` itself would
change, each with what it does there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.documents import parse_json
from envtool.errors import RestoreError
from envtool.language import join_messages, tell
from envtool.regular_file import read_regular_file

# Relative to the environment's prefix.
MANIFEST = Path("etc/hac/protect.json")
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class FileEdit:
    """A file before and after; `None`: it is not there. `edit` is the id of what was done to it.

    `mode` are the permission bits that it had.
    """

    path: Path
    edit: str
    before: bytes | None
    after: bytes | None
    mode: int = 0o644


@dataclass(frozen=True, kw_only=True)
class ProtectedFile:
    """A file that was changed: what it was, and the sha256 of what was made of it."""

    path: Path
    edit: str
    before: bytes | None
    sha256: str
    mode: int


@dataclass(frozen=True)
class ProtectManifest:
    """All files that were changed, and the pins that they hold to."""

    files: tuple[ProtectedFile, ...]
    pins: tuple[str, ...]

    def find(self, path: Path) -> ProtectedFile | None:
        """What was done to a file, or `None`."""
        return next((item for item in self.files if item.path == path), None)


def read_manifest(prefix: Path, places: Mapping[Path, str]) -> ProtectManifest | None:
    """The manifest of a prefix, or `None` where nothing was changed.

    `places` are the files that `protect` changes in this prefix, each with the id of what it does there. Raises
    `RestoreError` where the manifest is damaged, or names anything else.
    """
    path = prefix / MANIFEST
    data = read_if_there(path)
    if data is None:
        return None
    try:
        return parse_manifest_file(data, prefix, places)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise RestoreError(
            tell("{path} is damaged, so what was changed is not known", path=path),
            why=join_messages(": ", (type(error).__name__, str(error))),
            remedy=tell(
                "rm {path}   and take out by hand what pip.conf, uv.toml and conda-meta/pinned say of torch",
                path=shlex.quote(str(path)),
            ),
        ) from error


def read_if_there(path: Path) -> bytes | None:
    """A file's content, or `None` where there is no such file. Raises `RestoreError` where it cannot be read."""
    try:
        return read_regular_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RestoreError(
            tell("{path} cannot be read", path=path), why=str(error.strerror), remedy=f"ls -l {path}"
        ) from error


def parse_manifest_file(data: bytes, prefix: Path, places: Mapping[Path, str]) -> ProtectManifest:
    """The manifest in a file's content. Raises `ValueError`, `KeyError`, `TypeError` where it is none."""
    table = parse_json(data)
    if table["schema"] != SCHEMA:
        raise ValueError(tell("schema {schema!r} is not known", schema=table["schema"]))
    files = tuple(_parse_row(row, prefix) for row in table["files"])
    for item in files:
        if places.get(item.path) != item.edit:
            raise ValueError(tell("{path} is no file that envtool protect would change so", path=item.path))
    if len({item.path for item in files}) < len(files):
        raise ValueError(tell("it names a file twice"))
    return ProtectManifest(files, tuple(str(pin) for pin in table["pins"]))


def _parse_row(row: Any, prefix: Path) -> ProtectedFile:
    mode = row["mode"]
    if not (isinstance(mode, int) and 0 <= mode <= 0o7777):
        raise ValueError(tell("{mode!r} are no permissions", mode=mode))
    return ProtectedFile(
        # An absolute path stays as it is.
        path=prefix / row["path"],
        edit=str(row["edit"]),
        before=None if row["before"] is None else base64.b64decode(row["before"], validate=True),
        sha256=str(row["sha256"]),
        mode=mode & 0o777,
    )


def require_own_manifest(prefix: Path) -> None:
    """Raise `RestoreError` where others than root could have written the manifest of an environment of root's."""
    for path, writers in ((prefix / MANIFEST, 0o022), (prefix / MANIFEST.parent, 0o002)):
        try:
            found = path.stat()
        except OSError:
            continue
        if found.st_uid != 0 or found.st_mode & writers:
            raise RestoreError(
                tell("{path} cannot be believed", path=prefix / MANIFEST),
                why=tell("others than root may write {path}, and the environment is root's", path=path),
                remedy=tell("look at it, then: chown root {path} && chmod go-w {path}", path=shlex.quote(str(path))),
            )


def render_manifest(edits: Sequence[FileEdit], pins: Sequence[str], prefix: Path) -> bytes:
    """The manifest of some changes. Paths in the prefix are relative, so that it holds where the prefix is moved."""
    import json

    rows = [
        {
            "path": str(item.path.relative_to(prefix) if item.path.is_relative_to(prefix) else item.path),
            "edit": item.edit,
            "before": None if item.before is None else base64.b64encode(item.before).decode(),
            "sha256": hash_content(item.after or b""),
            "mode": item.mode,
        }
        for item in edits
    ]
    return (json.dumps({"schema": SCHEMA, "pins": list(pins), "files": rows}, indent=1) + "\n").encode()


def hash_content(data: bytes) -> str:
    """The sha256 of a file's content."""
    return hashlib.sha256(data).hexdigest()
