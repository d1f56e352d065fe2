"""Files of zip archives that anybody may have made."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envtool.errors import SourceError
from envtool.requirements.metadata import read_wheel_requires
from envtool.wheel.name import read_wheel_metadata
from envtool.wheel.zip_member import read_zip_member

METADATA = "a-1.dist-info/METADATA"
# Where a field stands in a local header and in the list of files (APPNOTE.TXT, 4.3.7 and 4.3.12).
FLAGS, METHOD, VERSION = (6, 8), (8, 10), (4, 6)


def make_wheel(folder: Path, text: bytes = b"Name: a\nVersion: 1\nRequires-Dist: torch\n") -> Path:
    path = folder / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(METADATA, text)
    return path


def set_field(path: Path, places: tuple[int, int], value: int) -> None:
    data = bytearray(path.read_bytes())
    for mark, place in zip((b"PK\x03\x04", b"PK\x01\x02"), places, strict=True):
        at = data.index(mark) + place
        data[at : at + 2] = struct.pack("<H", value)
    path.write_bytes(bytes(data))


def garble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(METADATA.encode()) + len(METADATA)
    data[at : at + 16] = b"\xff" * 16
    path.write_bytes(bytes(data))


SPOILT: dict[str, Callable[[Path], None]] = {
    "encrypted": lambda path: set_field(path, FLAGS, 1),
    "no method": lambda path: set_field(path, METHOD, 99),
    "bzip2": lambda path: set_field(path, METHOD, zipfile.ZIP_BZIP2),
    "lzma": lambda path: set_field(path, METHOD, zipfile.ZIP_LZMA),
    "a version that is not": lambda path: set_field(path, VERSION, 255),
    "garbled": garble,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_wheel_is_an_error(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = make_wheel(tmp_path)
    assert read_wheel_metadata(path)["name"] == "a"
    assert read_wheel_requires(str(path)) == ("1", ("torch",))
    spoil(path)
    with pytest.raises(SourceError, match="is not a readable wheel"):
        read_wheel_metadata(path)
    assert read_wheel_requires(str(path)) is None


def test_a_member_has_a_bound(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, bytes(1000))
    with zipfile.ZipFile(path) as archive:
        assert len(read_zip_member(archive, METADATA, 1000)) == 1000
        with pytest.raises(zipfile.BadZipFile, match="larger than"):
            read_zip_member(archive, METADATA, 999)
        with pytest.raises(KeyError):
            read_zip_member(archive, "nothing")
