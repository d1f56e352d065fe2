"""Reads a file of a zip archive that anybody may have made: up to a size, with one error for all that may be wrong."""

from __future__ import annotations

import zipfile
import zlib
from typing import Any

from envtool.language import tell

# Bytes. METADATA has a README in it; the largest RECORD that is met has some megabytes.
LIMIT = 64 << 20
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def read_zip_member(archive: Any, member: str | zipfile.ZipInfo, limit: int = LIMIT) -> bytes:
    """A member's content; `archive` is a `zipfile.ZipFile`, or one that is read from afar.

    Raises `KeyError` where there is none of that name, and `zipfile.BadZipFile` where it is encrypted, damaged, larger
    than `limit`, or compressed in a way that wheels are not: what inflates that may take any memory.
    """
    info = archive.getinfo(member) if isinstance(member, str) else member
    if info.compress_type not in _METHODS or info.flag_bits & 1:
        raise zipfile.BadZipFile(
            tell("{path} is encrypted or compressed in a way that wheels are not", path=info.filename)
        )
    try:
        with archive.open(info) as stream:
            data: bytes = stream.read(limit + 1)
    except (RuntimeError, EOFError, zlib.error) as error:
        raise zipfile.BadZipFile(str(error)) from error
    if len(data) > limit:
        raise zipfile.BadZipFile(tell("{path} is larger than {size} MiB", path=info.filename, size=limit >> 20))
    return data
