"""Layers of a few kilobytes that inflate to gigabytes, or whose headers ask for all of the memory or for all time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import resource
import struct
import subprocess
import sys
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from envtool.errors import ImageError
from envtool.image.read import layer_limits
from envtool.image.read.layer import CAPTURE_NOTHING, Capture, FileSelector, LayerContents, read_layer
from tests.support.image_layout import Layout, layer

KEEP_EVERYTHING = FileSelector(lambda _path, _size: Capture.DATA)
MIB = 1 << 20


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bounds, smaller, so that they are met soon."""
    monkeypatch.setattr(layer_limits, "INFLATED_LIMIT", 16 * MIB)
    monkeypatch.setattr(layer_limits, "MEMBER_LIMIT", 2000)
    monkeypatch.setattr(layer_limits, "KEPT_LIMIT", 8 * MIB)
    monkeypatch.setattr(layer_limits, "IMAGE_LIMIT", 24 * MIB)


def make_header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def repeat_zeros(pack: Callable[[], object], mebibytes: int, start: bytes) -> bytes:
    packer = pack()
    parts = [packer.compress(start)]  # type: ignore[attr-defined]
    parts += [packer.compress(bytes(MIB)) for _ in range(mebibytes)]  # type: ignore[attr-defined]
    return b"".join([*parts, packer.flush()])  # type: ignore[attr-defined]


PACKERS: dict[str, Callable[[], object]] = {
    "gzip": lambda: zlib.compressobj(9, wbits=31),
    "zstd": lambda: zstandard.ZstdCompressor().compressobj(),
}


def read(data: bytes, selector: FileSelector = CAPTURE_NOTHING) -> LayerContents:
    return read_layer(io.BytesIO(data), selector, name="layer 1 of bomb:1")


@pytest.mark.parametrize("packer", list(PACKERS))
@pytest.mark.parametrize("place", ["in a file", "past the end", "before anything"])
def test_one_that_inflates(packer: str, place: str) -> None:
    """A file of zeros, zeros behind the archive's end, which belong to the digest, and nothing but zeros."""
    start = {
        "in a file": make_header("zeros", 4 << 30),
        "past the end": layer({"file": b"content"}),
        "before anything": b"",
    }[place]
    bomb = repeat_zeros(PACKERS[packer], 48, start)
    assert len(bomb) < MIB
    begun = time.monotonic()
    with pytest.raises(ImageError, match="too large") as caught:
        read(bomb)
    assert "16 MiB" in caught.value.why
    assert time.monotonic() - begun < 60


def test_several_frames_count_together() -> None:
    """Both formats allow another packed stream behind the first."""
    part = repeat_zeros(PACKERS["gzip"], 8, b"")
    first = repeat_zeros(PACKERS["gzip"], 0, make_header("zeros", 1 << 30))
    with pytest.raises(ImageError, match="too large"):
        read(first + part * 4)


def test_very_many_members() -> None:
    headers = b"".join(make_header(f"etc/{number}", 0) for number in range(2001))
    with pytest.raises(ImageError, match="too large") as caught:
        read(gzip.compress(headers))
    assert "2,000 files and folders" in caught.value.why
    with pytest.raises(ImageError, match="too large"):
        read(gzip.compress(make_header("../out", 0) * 2001))


def test_records_that_would_be_kept() -> None:
    """Each is as large as a record may be, and a layer has any number of them."""
    files = {f"lib/{number}.dist-info/RECORD": bytes(3 * MIB) for number in range(3)}
    with pytest.raises(ImageError, match="too large") as caught:
        read(gzip.compress(layer(files)), KEEP_EVERYTHING)
    assert "records have more than 8 MiB" in caught.value.why


def make_sparse(size: int) -> bytes:
    """A file of GNU tar's old sparse format: without data, and of any size."""
    header = bytearray(make_header("sparse", 0, tarfile.GNUTYPE_SPARSE))
    # A field for each hole, and the real size (GNU tar's manual, "Basic Tar Format").
    header[386:410] = b"%011o\0%011o\0" % (0, 0)
    header[483:495] = b"\x80" + bytes(3) + struct.pack(">Q", size)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def test_a_sparse_file_of_any_size() -> None:
    """Its zeros are in no archive: hashing them would never end."""
    with pytest.raises(ImageError, match="too large") as caught:
        read(make_sparse(1 << 62), FileSelector(lambda _path, _size: Capture.HASHED))
    assert "its files have more than" in caught.value.why


def make_pax(size: int) -> bytes:
    return make_header("pax", size, tarfile.XHDTYPE)


def list_header_bombs() -> Iterator[tuple[str, bytes]]:
    zeros = bytes(32 * MIB)
    yield "a long name", make_header("x", len(zeros), tarfile.GNUTYPE_LONGNAME) + zeros
    yield "a long target", make_header("x", len(zeros), tarfile.GNUTYPE_LONGLINK) + zeros
    yield "further fields", make_pax(len(zeros)) + zeros
    yield "common fields", make_header("pax", len(zeros), tarfile.XGLTYPE) + zeros
    field = b"12 a=1234567" + b"\n" * 0
    block = (b"%d a=%b\n" % (510, b"x" * 503)).ljust(512, b"\0")
    yield "further fields for ever", (make_pax(512) + block) * 5000
    yield "common fields for ever", (make_header("pax", 512, tarfile.XGLTYPE) + block) * 5000
    yield "a name without end", make_header("x", 8 << 30, tarfile.GNUTYPE_LONGNAME) + field
    holes = bytearray(make_sparse(0)[:512])
    holes[482] = 1
    holes[148:156] = b" " * 8
    holes[148:156] = b"%06o\0 " % sum(holes)
    more = (b"%011o\0%011o\0" % (1, 1)) * 21 + b"\1" + bytes(7)
    yield "a map of holes", bytes(holes) + more * 100_000


HEADER_BOMBS = dict(list_header_bombs())


@pytest.mark.parametrize("bomb", list(HEADER_BOMBS.values()), ids=list(HEADER_BOMBS))
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_headers_that_fill_the_memory(bomb: bytes, *, is_first: bool) -> None:
    data = bomb if is_first else make_header("file", 0) + bomb
    with pytest.raises(ImageError):
        read(data)


def test_common_fields_between_members() -> None:
    """Each archive's common fields are kept for all members that follow."""
    bomb = b""
    for number in range(40):
        line = b"%d k%04d=%b\n" % (65534, number, b"x" * (65534 - 13))
        bomb += make_header("pax", len(line), tarfile.XGLTYPE) + line.ljust(-(-len(line) // 512) * 512, b"\0")
        bomb += make_header(f"file{number}", 0)
    with pytest.raises(ImageError):
        read(bomb)


def make_image(layers: list[bytes]) -> Layout:
    """An image whose layers are stored as these bytes are."""
    layout = Layout()
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(gzip.decompress(item)).hexdigest()}" for item in layers],
        },
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": layout.blob(json.dumps(configuration).encode()),
        "layers": [layout.blob(item) for item in layers],
    }
    described = layout.blob(json.dumps(manifest).encode())
    layout.index.append({**described, "mediaType": manifest["mediaType"]})
    return layout


def test_the_same_layer_again_and_again(tmp_path: Path) -> None:
    """A manifest names one blob as often as it likes, and each time it is read."""
    from envtool.image.read.reference import read_image

    packed = repeat_zeros(PACKERS["gzip"], 8, layer({"file": b"x"}))
    path = make_image([packed] * 6).write(tmp_path / "layout")
    with pytest.raises(ImageError, match="too large") as caught:
        read_image(f"oci:{path}", CAPTURE_NOTHING, project=tmp_path)
    assert "24 MiB" in caught.value.why


def test_more_layers_than_any_engine_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from envtool.image.read.reference import read_image

    monkeypatch.setattr(layer_limits, "LAYER_LIMIT", 10)
    path = make_image([gzip.compress(layer({}))] * 11).write(tmp_path / "layout")
    with pytest.raises(ImageError, match="has 11 layers"):
        read_image(f"oci:{path}", CAPTURE_NOTHING, project=tmp_path)


def test_memory_stays_small(tmp_path: Path) -> None:
    """In a process of its own with the real bounds, and not more memory than the machine of a pipeline has."""
    (tmp_path / "bomb").write_bytes(make_header("x", 8 << 30, tarfile.GNUTYPE_LONGNAME) + bytes(64 * MIB))
    code = (
        "import sys; from envtool.image.read.layer import CAPTURE_NOTHING, read_layer; from envtool.errors import *\n"
        "try: read_layer(open(sys.argv[1], 'rb'), CAPTURE_NOTHING, name='bomb')\n"
        "except ImageError as error: print(error.why)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "bomb"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)),
    )
    assert "headers" in done.stdout, done.stderr


@pytest.mark.parametrize("packer", list(PACKERS))
def test_an_honest_layer(packer: str) -> None:
    """The innocent twin: as large as it may be, with long names, further fields and a real sparse file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(100):
            member = tarfile.TarInfo(f"{'long/' * 200}{number}")
            member.pax_headers = {"SCHILY.xattr.security.capability": "x" * 1000}
            archive.addfile(member)
        zeros = tarfile.TarInfo("var/log/lastlog")
        zeros.size = 12 * MIB
        archive.addfile(zeros, io.BytesIO(bytes(zeros.size)))
    data = buffer.getvalue()
    packed = PACKERS[packer]()
    done = read(packed.compress(data) + packed.flush())  # type: ignore[attr-defined]
    assert done.files == 101
    assert done.inflated == len(data)
    assert done.diff_id == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_an_honest_sparse_file() -> None:
    done = read(make_sparse(12 * MIB), FileSelector(lambda _path, _size: Capture.HASHED))
    assert done.entries["sparse"].sha256 == hashlib.sha256(bytes(12 * MIB)).hexdigest()
