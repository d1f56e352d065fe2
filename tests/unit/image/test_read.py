"""Reading images from archives, folders and registries, and what layers make together."""

from __future__ import annotations

import gzip
import tarfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import zstandard

from envtool.errors import ImageError
from envtool.image.read.image import parse_instruction
from envtool.image.read.layer import Capture, FileSelector
from envtool.image.read.overlay import merge_layers
from envtool.image.read.reference import read_image
from envtool.image.read.remote import RegistryReference
from tests.support.image_layout import Files, Layout, layer, registry

Packing = Callable[[bytes], bytes]


everything = FileSelector(lambda _path, _size: Capture.DATA)


def seen(folder: Path, *layers: Files) -> dict[str, bytes | None]:
    """What a container would see: files with their content, links and folders without."""
    layout = Layout()
    layout.image(layers)
    image = read_image(str(layout.write(folder)), everything, project=folder)
    return {path: entry.data for path, entry in merge_layers(image.layers).entries.items()}


# OCI image specification, "Whiteouts" and "Opaque Whiteout": what is hidden is what lower layers have.
@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"a/b": b"1"}, {"a/.wh.b": b""}], {}),
        ([{"a/b": b"1", "a/c": b"2"}, {"a/.wh.b": b""}], {"a/c": b"2"}),
        ([{"a/b": b"1"}, {".wh.a": b""}], {}),
        ([{"a/b": b"1"}, {".wh.a": b"", "a/c": b"2"}], {"a/c": b"2"}),
        ([{"a/b": b"1"}, {"a/.wh..wh..opq": b"", "a/c": b"2"}], {"a/c": b"2"}),
        ([{"a/b": b"1"}, {"a/c": b"2", "a/.wh..wh..opq": b""}], {"a/c": b"2"}),
        ([{"a/b": b"1"}, {".wh..wh..opq": b""}], {}),
        ([{"a/b/c": b"1"}, {"a/b": b"a file now"}], {"a/b": b"a file now"}),
        ([{"a/b/c": b"1"}, {"a": "->elsewhere"}], {"a": None}),
        ([{"a": b"1"}, {"a": None, "a/b": b"2"}], {"a": None, "a/b": b"2"}),
        ([{"a/b": b"1"}, {"a/.wh.b": b""}, {"a/b": b"3"}], {"a/b": b"3"}),
        ([{"ab/c": b"1"}, {".wh.a": b""}], {"ab/c": b"1"}),
        ([{"./a": b"1"}, {"./.wh.a": b""}], {}),
    ],
)
def test_layers_on_top_of_each_other(layers: list[Files], expected: Mapping[str, bytes | None], tmp_path: Path) -> None:
    assert seen(tmp_path, *layers) == expected


def _two_frames(data: bytes) -> bytes:
    half = len(data) // 2
    return b"".join(zstandard.ZstdCompressor().compress(part) for part in (data[:half], data[half:]))


@pytest.mark.parametrize("packed", [gzip.compress, zstandard.ZstdCompressor().compress, _two_frames, bytes])
@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_every_packing(packed: Packing, kind: str, tmp_path: Path) -> None:
    layout = Layout()
    layout.image([{"a": b"1" * 5000}, {}], packed=packed)
    path = layout.write(tmp_path / "layout") if kind == "folder" else layout.archive(tmp_path / "image.tar")
    image = read_image(str(path), everything, project=tmp_path)
    assert image.layers[0].entries["a"].data == b"1" * 5000
    assert [found.files for found in image.layers] == [1, 0]


@pytest.mark.parametrize("packed", [gzip.compress, zstandard.ZstdCompressor().compress, bytes])
@pytest.mark.parametrize("spoil", ["cut", "changed", "missing", "other"])
def test_a_layer_that_is_not_whole(packed: Packing, spoil: str, tmp_path: Path) -> None:
    layout = Layout()
    layout.image([{"a": b"1" * 5000}, {"b": bytes(range(256)) * 40}], packed=packed)
    digest = [name for name, data in layout.blobs.items() if not data.startswith(b"{")][1]
    data = layout.blobs[digest]
    match spoil:
        case "cut":
            layout.blobs[digest] = data[: len(data) // 2]
        case "changed":
            layout.blobs[digest] = data[:50] + bytes([data[50] ^ 1]) + data[51:]
        case "missing":
            del layout.blobs[digest]
        case _:
            layout.blobs[digest] = packed(b"no archive at all " * 99)
    for path in (layout.write(tmp_path / "layout"), layout.archive(tmp_path / "image.tar")):
        with pytest.raises(ImageError) as caught:
            read_image(str(path), everything, project=tmp_path)
        assert caught.value.why
        assert caught.value.remedy


def test_a_header_that_is_damaged_in_a_blob_whose_digest_is_right(tmp_path: Path) -> None:
    """tarfile would take it for the archive's end, and hide what comes after it."""
    data = bytearray(layer({"a": b"1", "b": b"2", "c": b"3"}))
    data[1024 + 150] ^= 1
    layout = Layout()
    layout.image([{}], packed=lambda _data: bytes(data))
    with pytest.raises(ImageError, match="layer 1") as caught:
        read_image(str(layout.write(tmp_path)), everything, project=tmp_path)
    assert "bad checksum" in caught.value.why


def test_an_archive_that_ends_early(tmp_path: Path) -> None:
    layout = Layout()
    layout.image([{"a": b"1"}])
    data = layout.archive(tmp_path / "image.tar").read_bytes()
    with tarfile.open(tmp_path / "image.tar") as archive:
        starts = [member.offset for member in archive]
    for end in (starts[1], starts[2] + 100, len(data.rstrip(b"\0"))):
        (tmp_path / "image.tar").write_bytes(data[:end])
        with pytest.raises(ImageError, match="cut off"):
            read_image(str(tmp_path / "image.tar"), everything, project=tmp_path)


def test_a_manifest_list_and_another_architecture(tmp_path: Path) -> None:
    layout = Layout()
    layout.image([{"a": b"amd64"}], platform="linux/amd64")
    layout.image([{"a": b"arm64"}], platform="linux/arm64")
    path = str(layout.write(tmp_path))
    for architecture in ("amd64", "arm64"):
        image = read_image(path, everything, project=tmp_path, platform=f"linux/{architecture}")
        assert image.layers[0].entries["a"].data == architecture.encode()
    with pytest.raises(ImageError, match="linux/s390x") as caught:
        read_image(path, everything, project=tmp_path, platform="linux/s390x")
    assert "linux/amd64, linux/arm64" in caught.value.why


@pytest.mark.parametrize("content", [b"", b"binary\0junk" * 99, b"{}", b"\x1f\x8b cut"])
def test_what_is_no_image(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ImageError):
        read_image(str(path), everything, project=tmp_path)


def test_a_registry_is_read_without_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    layout = Layout()
    digest = layout.image([{"a": b"1"}, {".wh.a": b"", "b": b"2"}])
    with registry(layout, "team/image") as address:
        for reference in (f"{address}:latest", address, f"{address}@{digest}", f"docker://{address}@{digest}"):
            image = read_image(reference, everything, project=tmp_path, platform="linux/amd64")
            assert list(merge_layers(image.layers).entries) == ["b"]


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "docker login"), (403, "docker login"), (404, "check the name"), (429, "429"), (500, "500"), (503, "503")],
)
@pytest.mark.parametrize("where", ["/manifests/", "/blobs/"])
def test_a_registry_that_does_not_answer_well(
    status: int, says: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    layout = Layout()
    digest = layout.image([{"a": b"1"}])
    with registry(layout, "image", lambda path: (status, {}) if where in path else None) as address:
        with pytest.raises(ImageError) as caught:
            read_image(f"docker://{address}@{digest}", everything, project=tmp_path)
        assert says in caught.value.render()


def test_a_busy_registry_is_asked_again_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    layout = Layout()
    digest = layout.image([{"a": b"1"}])
    answers = iter([(429, {"Retry-After": "7"}), (503, {}), (503, {"Retry-After": "3600"})])
    with registry(layout, "image", lambda _path: next(answers, None)) as address:
        image = read_image(f"docker://{address}@{digest}", everything, project=tmp_path)
    assert image.layers[0].files == 1
    assert waited == [7, 0.6, 30]


def test_a_registry_that_breaks_off_and_one_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    layout = Layout()
    digest = layout.image([{"a": b"1"}])
    cut = {"Content-Length": "100000"}
    with (
        registry(layout, "image", lambda path: (200, cut) if "/blobs/" in path else None) as address,
        pytest.raises(ImageError),
    ):
        read_image(f"docker://{address}@{digest}", everything, project=tmp_path)
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(f"docker://{address}@{digest}", everything, project=tmp_path)


def test_a_registry_that_stalls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the question and says nothing: an error after the time limit, not a wait without end."""
    monkeypatch.setattr("envtool.net.registry_auth.TIMEOUTS", (0.3, 0.3))
    monkeypatch.setattr("envtool.net.retry.RETRIES", 1)
    layout = Layout()
    layout.image([{"a": b"1"}])
    over = threading.Event()

    def stall(path: str) -> None:
        if "/blobs/" in path:
            over.wait(30)

    try:
        with registry(layout, "team/image", stall) as name:
            with pytest.raises(ImageError, match="cannot be read") as caught:
                read_image(f"docker://{name}", everything, project=tmp_path)
            over.set()
    finally:
        over.set()
    assert "2 attempts" in caught.value.why
    assert "timed out" in caught.value.why.lower()


def test_a_tampered_layer_in_a_registry(tmp_path: Path) -> None:
    layout = Layout()
    digest = layout.image([{"a": b"1"}])
    (blob,) = [name for name, data in layout.blobs.items() if not data.startswith(b"{")]
    layout.blobs[blob] = gzip.compress(layer({"a": b"2"}))
    with registry(layout, "image") as address, pytest.raises(ImageError, match="digest should be"):
        read_image(f"docker://{address}@{digest}", everything, project=tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image", ("docker.io", "library/image", "latest")),
        ("team/image:1", ("docker.io", "team/image", "1")),
        ("localhost/image", ("localhost", "image", "latest")),
        ("registry:5000/image:v2", ("registry:5000", "image", "v2")),
        ("registry.example/a/b@sha256:00", ("registry.example", "a/b", "sha256:00")),
        ("registry.example:443/a/b:tag@sha256:00", ("registry.example:443", "a/b", "sha256:00")),
    ],
)
def test_references(text: str, expected: tuple[str, str, str]) -> None:
    found = RegistryReference.parse(text)
    assert (found.registry, found.name, found.target) == expected


@pytest.mark.parametrize(
    ("created_by", "instruction"),
    [
        ("/bin/sh -c pip install x", "RUN pip install x"),
        ("/bin/sh -c #(nop)  ENV A=b", "ENV A=b"),
        ("/opt/hac/bin/hac-shell -c #(nop) WORKDIR /srv", "WORKDIR /srv"),
        ("RUN /bin/sh -c pip install x # buildkit", "RUN pip install x"),
        ("|1 TOKEN=secret /opt/hac/bin/hac-shell -c pip install x", "RUN pip install x"),
        ("RUN |2 TOKEN=secret A=b c /bin/bash -euo pipefail -c pip \\\n  install x # buildkit", "RUN pip install x"),
        ("COPY a /b # buildkit", "COPY a /b"),
        ("pip install x", "RUN pip install x"),
        ("RUN |1 TOKEN=secret pip install x # buildkit", "RUN pip install x"),
        ("", "(not recorded)"),
    ],
)
def test_instructions(created_by: str, instruction: str) -> None:
    assert parse_instruction(created_by) == instruction
