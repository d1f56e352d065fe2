"""Long answers of an engine as streams."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from typing import IO, Any, cast

from envtool.image.engine.client import TIMEOUT, Engine

_UNIX = "unix://"


@contextmanager
def stream_answer(engine: Engine, path: str, chunks: Callable[[], Iterator[bytes]]) -> Iterator[IO[bytes]]:
    """The engine's answer to a GET of `path`; `chunks` is docker-py's, for all but a plain answer on a Unix socket.

    docker-py gets gigabytes as 60,000 chunks, and copies each of them in Python. HTTP/1.0 (RFC 1945) has no chunks, so
    the engine sends the bytes alone. The stream ends with the connection, so its reader must know whether it is whole.
    """
    plain = _read_plain_answer(engine, path)
    if plain is None:
        # Another kind of connection, or an error, which docker-py reports better.
        yield io.BufferedReader(_Chunks(chunks()), 1 << 20)
        return
    with plain:
        yield cast("IO[bytes]", plain)


def _read_plain_answer(engine: Engine, path: str) -> HTTPResponse | None:
    if not engine.host.startswith(_UNIX):
        return None
    with suppress(OSError, HTTPException), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect(engine.host.removeprefix(_UNIX))
        connection.sendall(f"GET /v{engine.client.api.api_version}{path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        # The response keeps the connection open, as a file.
        response = HTTPResponse(connection, method="GET")
        response.begin()
        if response.status == 200:
            return response
        response.close()
    return None


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a stream, which tarfile wants."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is only ever read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` from the chunk at hand, or the next one."""
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
