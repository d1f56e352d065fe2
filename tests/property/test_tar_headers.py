"""A header read the quick way is what tarfile makes of it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from envtool.image.read.header import FastTarInfo

names = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=300)
kinds = st.sampled_from([bytes([kind]) for kind in b"\x0001234567"])
FORMATS: tuple[Literal[0, 1, 2], ...] = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
numbers = st.integers(0, 1 << 40)


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """The blocks before a member's data, where its format has room for what it is."""
    member = tarfile.TarInfo(draw(names))
    member.type = draw(kinds)
    member.linkname = draw(names)
    member.mode, member.uid, member.gid = draw(st.integers(0, 0o7777)), draw(numbers), draw(numbers)
    member.size, member.mtime = draw(numbers), draw(numbers)
    try:
        return member.tobuf(draw(st.sampled_from(FORMATS)), "utf-8", "surrogateescape")
    except (ValueError, UnicodeEncodeError):
        return b""


@given(headers())
def test_of_any_member(data: bytes) -> None:
    for block in _blocks(data):
        assert _read(FastTarInfo, block) == _read(tarfile.TarInfo, block)


@given(headers(), st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_with_bytes_changed(data: bytes, changes: list[tuple[int, int]], sums_up: bool) -> None:
    for block in _blocks(data):
        changed = bytearray(block)
        for position, value in changes:
            # What the quick way does not look at may be damaged: the group, the time, the names, the device.
            if position < 116 or 124 <= position < 136 or 156 <= position < 257 or 345 <= position < 500:
                changed[position] = value
        if sums_up:
            total = sum(changed[:148]) + sum(b" " * 8) + sum(changed[156:])
            changed[148:156] = b"%06o\0 " % total
        assert _read(FastTarInfo, bytes(changed)) == _read(tarfile.TarInfo, bytes(changed))


def test_of_a_block_that_is_cut_off_and_of_zeros() -> None:
    for block in (b"", b"\0" * 511, b"0" * 511, b"\0" * 512, b"0" * 512):
        assert _read(FastTarInfo, block) == _read(tarfile.TarInfo, block)


def _blocks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 512):
        yield data[start : start + 512]


def _read(kind: type[tarfile.TarInfo], block: bytes) -> object:
    try:
        member = kind.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.TarError as error:
        return type(error), str(error)
    target = member.linkname if member.issym() or member.islnk() else ""
    return member.name, member.type, member.size, member.mode, member.uid, target
