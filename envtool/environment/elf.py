"""Which libraries a shared object asks the dynamic linker for.

Format: System V ABI, "Object Files" and "Dynamic Linking". pyelftools reads it; before that a quick look at the
dynamic string table, which holds each library's name among others, spares most files the longer way.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from envtool.language import tell
from envtool.regular_file import open_regular_file

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_STRSZ = 5, 10
# What no real file comes near; a damaged one may declare anything.
_MOST_HEADERS = 512
_LONGEST_TABLE = 64 << 20
# What is at a place of a file: so many bytes, from an offset.
_ReadAt = Callable[[int, int], bytes]


class SharedObjectError(Exception):
    """A file that cannot be read as a shared object; the text says why. It never leaves this room's callers."""


def read_needed_libraries(path: Path) -> tuple[str, ...]:
    """The `DT_NEEDED` entries, in their order. Raises `SharedObjectError`."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    try:
        with open(open_regular_file(path), "rb") as stream:
            segments = [item for item in ELFFile(stream).iter_segments() if isinstance(item, DynamicSegment)]
            tags = (tag for segment in segments for tag in segment.iter_tags("DT_NEEDED"))
            return tuple(str(tag.needed) for tag in tags)  # type: ignore[attr-defined]  # set by the entry's kind
    except OSError as error:
        raise SharedObjectError(tell("it cannot be read: {reason}", reason=error.strerror)) from error
    # pyelftools answers some damaged files with errors of construct, struct and Python itself.
    except (ELFError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError, AssertionError) as error:
        raise SharedObjectError(f"{type(error).__name__}: {error}"[:200]) from error
    except Exception as error:
        if type(error).__module__.startswith("elftools."):
            raise SharedObjectError(f"{type(error).__name__}: {error}"[:200]) from error
        raise


def can_need(path: str, fragments: tuple[bytes, ...]) -> bool:
    """Whether any of `fragments` is in the names that the file gives; `True` also where that cannot be told."""
    try:
        descriptor = open_regular_file(path)
    except (OSError, ValueError):
        return True
    try:
        return _can_need(partial(os.pread, descriptor), fragments)
    finally:
        os.close(descriptor)


def content_can_need(data: bytes, fragments: tuple[bytes, ...]) -> bool:
    """As `can_need`, of a file's whole content."""
    return _can_need(lambda size, offset: data[offset : offset + size], fragments)


def _can_need(read_at: _ReadAt, fragments: tuple[bytes, ...]) -> bool:
    try:
        table = _find_string_table(read_at)
    except (OSError, ValueError, OverflowError, struct.error):
        return True
    return table is None or any(fragment in table for fragment in fragments)


def _find_string_table(read_at: _ReadAt) -> bytes | None:
    head = read_at(4096, 0)
    # Anything but 64 bits, least byte first, is left to the library.
    if head[:6] != b"\x7fELF\x02\x01":
        return None
    (offset,) = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    if size != 56 or not 0 < count <= _MOST_HEADERS:
        return None
    headers = head[offset : offset + size * count]
    if len(headers) < size * count:
        headers = read_at(size * count, offset)
    segments = list(struct.iter_unpack("<IIQQQQQQ", headers))
    dynamic = next((segment for segment in segments if segment[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        # Nothing is asked of the dynamic linker.
        return b""
    if dynamic[5] > _LONGEST_TABLE or dynamic[5] % 16:
        return None
    tags = dict(struct.iter_unpack("<QQ", read_at(dynamic[5], dynamic[2])))
    address, length = tags.get(_DT_STRTAB), tags.get(_DT_STRSZ, 0)
    if address is None or length > _LONGEST_TABLE:
        return None
    for kind, _flags, start, virtual, _physical, in_file, _in_memory, _alignment in segments:
        if kind == _PT_LOAD and virtual <= address < virtual + in_file:
            table = read_at(length, start + address - virtual)
            return table if len(table) == length else None
    return None
