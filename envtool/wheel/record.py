"""RECORD: the list of a distribution's files with their hashes and sizes.

Format: PyPA "Recording installed projects", "The RECORD file": CSV rows of path, `sha256=<urlsafe base64
without padding>` and size in bytes; paths are relative to the directory that holds the `.dist-info`.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

# What installers add to a distribution when they install it; not part of the wheel.
INSTALLER_FILES = frozenset(
    {
        "INSTALLER",
        "REQUESTED",
        "RECORD",
        "RECORD.jws",
        "RECORD.p7s",
        "direct_url.json",
        "uv_cache.json",
        "uv_build.json",
    }
)


@dataclass(frozen=True)
class RecordRow:
    """One row: the path as written, the sha256 in hexadecimal and the size in bytes, where they are given."""

    path: str
    sha256: str | None
    size: int | None

    def to_cells(self) -> tuple[str, str, str]:
        """The row as RECORD spells it."""
        encoded = ""
        if self.sha256 is not None:
            digest = base64.urlsafe_b64encode(bytes.fromhex(self.sha256)).rstrip(b"=")
            encoded = f"sha256={digest.decode()}"
        return self.path, encoded, "" if self.size is None else str(self.size)


@dataclass(frozen=True)
class Record:
    """A RECORD as read: its rows and the lines that are not rows."""

    rows: tuple[RecordRow, ...]
    malformed: tuple[str, ...] = ()


@lru_cache(maxsize=4)
def parse_record(data: bytes) -> Record:
    """Parse a RECORD. Never fails: what is no row is listed in `malformed`."""
    text = data.decode("utf-8", errors="surrogateescape")
    rows: list[RecordRow] = []
    malformed: list[str] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=False)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            malformed.append(f"line {reader.line_num}: {error}")
            continue
        if not cells:
            continue
        row = _parse_row(cells)
        if row is None:
            malformed.append(f"line {reader.line_num}: {','.join(cells)[:120]}")
        else:
            rows.append(row)
    return Record(tuple(rows), tuple(malformed))


def _parse_row(cells: list[str]) -> RecordRow | None:
    path, encoded, size = (*cells, "", "")[:3]
    if not path or "\0" in path or len(cells) > 3:
        return None
    # A list of files has no folder in it, least of all one above.
    if path[-1] in "/." and path.rpartition("/")[2] in {"", ".", ".."}:
        return None
    # int() takes signs, blanks and underscores, none of which is a size.
    if size and not (size.isascii() and size.isdigit() and len(size) < 19):
        return None
    try:
        return RecordRow(path, _parse_sha256(encoded), int(size) if size else None)
    except ValueError:
        return None


def _parse_sha256(encoded: str) -> str | None:
    algorithm, _, value = encoded.partition("=")
    if algorithm != "sha256":
        return None
    padded = value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4)
    try:
        # 14,000 times over: base64's own function for this alphabet takes three times as long.
        digest = binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error as error:
        raise ValueError(value) from error
    if len(digest) != 32:
        raise ValueError(value)
    return digest.hex()


def render_record(rows: Iterable[RecordRow]) -> bytes:
    """RECORD's bytes for `rows`, in their order."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows(row.to_cells() for row in rows)
    return stream.getvalue().encode("utf-8", errors="surrogateescape")


def digest_content(rows: Iterable[RecordRow]) -> str:
    """One sha256 for what a wheel puts into site-packages, the same in the wheel and after any installer.

    Left out is what installers add or rewrite: their own files in the `.dist-info`, bytecode, and everything
    outside site-packages (scripts get the interpreter's path written into them).
    """
    kept = ((get_installed_path(row.path), row) for row in rows)
    seen = sorted({f"{path}\0{row.sha256}\0{row.size}" for path, row in kept if path is not None})
    return hashlib.sha256("\n".join(seen).encode("utf-8", errors="surrogateescape")).hexdigest()


def get_installed_path(path: str) -> str | None:
    """Where in site-packages a row's file is once installed.

    `None` for what installers write themselves, and for what goes elsewhere.
    """
    # Most are neither: asked for tens of thousands of paths, this is half of the time.
    if ".d" not in path and path[:1] not in {".", "/", ""} and not path.endswith(".pyc"):
        return path
    parts = path.split("/")
    if parts[0] in {"..", ""} or path.endswith(".pyc"):
        return None
    if len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] in INSTALLER_FILES:
        return None
    if parts[0].endswith(".data"):
        return "/".join(parts[2:]) if parts[1:2] in (["purelib"], ["platlib"]) else None
    return path
