"""Servers that send for ever, or next to nothing for ever, or a little that inflates to gigabytes."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from envtool.errors import EnvtoolError, SourceError
from envtool.image.read.layer import CAPTURE_NOTHING
from envtool.image.read.reference import read_image
from envtool.net import bounds
from envtool.net.http import get, open_session
from envtool.release.source.index import IndexSource
from envtool.requirements.metadata import MetadataReader
from envtool.wheel.download import download
from envtool.wheel.store import FileStore

Send = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@contextmanager
def serve(send: Send) -> Iterator[str]:
    """A server that answers each request with whatever `send` sends, until the block ends."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65536)
                send(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connections.append(listening.accept()[0])
                    threading.Thread(target=answer, args=(connections[-1],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            # Else whoever was told to give an answer up, and the one who sends it, go on until the tests' own end.
            for end in (listening, *connections):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


def drip(start: bytes, part: bytes = b"x", seconds: float = 0.1) -> Send:
    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(part)
            time.sleep(seconds)

    return send


def flood(start: bytes, part: bytes = b"x" * 65536) -> Send:
    return drip(start, part, 0)


def bomb(pack: Callable[[bytes], bytes], encoding: bytes) -> Send:
    """Some megabytes that inflate to eight gigabytes."""
    once = pack(b"\0" * (64 << 20))
    start = OK + b"Content-Encoding: " + encoding + b"\r\n\r\n"

    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(128):
            connection.sendall(once)

    return send


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "a page": flood(OK + b"\r\n"),
    "chunks": flood(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "gzip": bomb(gzip.compress, b"gzip"),
    "deflate": bomb(zlib.compress, b"deflate"),
    "an encoding nobody asked for": bomb(gzip.compress, b"br"),
    "a drip": drip(OK + b"\r\n"),
    "a drip of headers": drip(b"HTTP/1.1 200 OK\r\nX-A: "),
    "a drip of a chunk's header": drip(CHUNKED, b"0"),
    "continue": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "redirects to itself": lambda connection: connection.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
    ),
    "a redirect with a body": flood(b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n"),
    "busy with a body": flood(b"HTTP/1.1 503 Busy\r\n\r\n"),
    "silence": lambda _connection: time.sleep(60),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bounds, smaller, so that they are met soon."""
    monkeypatch.setattr(bounds, "DEADLINE", 3.0)
    monkeypatch.setattr(bounds, "CONTENT_LIMIT", 4 << 20)
    monkeypatch.setattr(bounds, "GRACE", 2.0)
    monkeypatch.setattr(bounds, "STREAM_LIMIT", 32 << 20)


every = pytest.mark.parametrize("send", list(ENDLESS.values()), ids=list(ENDLESS))


@every
def test_index(send: Send) -> None:
    with serve(send) as address:
        begun = time.monotonic()
        with pytest.raises(SourceError):
            IndexSource(f"{address}/simple/").list_candidates()
        assert time.monotonic() - begun < 10


@every
def test_metadata_of_an_index(send: Send) -> None:
    """What explains an answer is done without, for all projects of a server that does not answer."""
    with serve(send) as address:
        begun = time.monotonic()
        reader = MetadataReader(indexes=(f"{address}/simple/",))
        assert reader.requires("torch", "1.0") is None
        assert time.monotonic() - begun < 10


@every
def test_download(send: Send, tmp_path: Path) -> None:
    from contextlib import nullcontext

    with serve(send) as address, open_session() as session:
        begun = time.monotonic()
        with pytest.raises((requests.RequestException, EnvtoolError)):
            download(
                session,
                f"{address}/x.whl",
                "x.whl",
                FileStore(tmp_path / "store"),
                expected="0" * 64,
                timeout=30,
                failures=nullcontext(),
            )
        assert time.monotonic() - begun < 20


@every
def test_registry(send: Send, tmp_path: Path) -> None:
    with serve(send) as address:
        begun = time.monotonic()
        with pytest.raises(EnvtoolError):
            read_image(f"docker://{address.removeprefix('http://')}/a:1", CAPTURE_NOTHING, project=tmp_path)
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_honest_answer(encoding: str) -> None:
    """The innocent twin: also one that comes in parts, and nearly as large as it may be."""
    data = hashlib.sha256(b"").digest() * (100 << 10)
    body = {"identity": data, "gzip": gzip.compress(data), "deflate": zlib.compress(data)}[encoding]

    def send(connection: socket.socket) -> None:
        connection.sendall(OK + f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body[:1000])
        time.sleep(0.3)
        connection.sendall(body[1000:])

    with serve(send) as address, open_session() as session:
        assert get(session, address).content == data


def test_slow_and_steady_download(tmp_path: Path) -> None:
    """The innocent twin: longer than a document may take, and faster than the slowest."""
    from contextlib import nullcontext

    data = b"x" * (1 << 20)

    def send(connection: socket.socket) -> None:
        connection.sendall(OK + f"Content-Length: {len(data)}\r\n\r\n".encode())
        for start in range(0, len(data), len(data) // 10):
            connection.sendall(data[start : start + len(data) // 10])
            time.sleep(0.5)

    with serve(send) as address, open_session() as session:
        digest = hashlib.sha256(data).hexdigest()
        store = FileStore(tmp_path / "store")
        words = (session, f"{address}/x.whl", "x.whl", store)
        assert download(*words, expected=digest, timeout=30, failures=nullcontext()).read_bytes() == data
