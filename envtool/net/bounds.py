"""How long and how large an answer may be, whatever a server does.

A server may send for ever, send a byte a second, also of its headers, or answer with a few kilobytes that inflate to
gigabytes. Timeouts of sockets are about silence only.
"""

from __future__ import annotations

import io
import queue
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import requests
import urllib3.exceptions

from envtool.language import join_messages, tell

# Bytes of an answer that is read into memory, inflated. The largest page of an index that is met has some 20 MB.
CONTENT_LIMIT = 64 << 20
# Seconds for all of a request whose answer is read into memory, and for the beginning of any other answer.
DEADLINE = 90.0
# Bytes of an answer that goes to the disk, or is read as it comes: beyond what any wheel or layer has.
STREAM_LIMIT = 64 << 30
# Bytes a second that such an answer must come with in the long run, and seconds before that counts.
SLOWEST, GRACE = 4096.0, 60.0
_BLOCK = 1 << 16
# How zlib is told of gzip's and zlib's own headers alike.
_ANY_HEADER = zlib.MAX_WBITS | 32
_Result = TypeVar("_Result")


class DeadlineError(requests.ConnectionError):
    """A server did not answer within the time that a request may take. It is not asked again."""


class TooLargeError(requests.RequestException):
    """An answer is larger than one of its kind can be."""


class BodyError(urllib3.exceptions.HTTPError):
    """The body of an answer comes too slowly, or does not end. It is not asked for again."""


def run_with_deadline(work: Callable[[], _Result], seconds: float | None = None, *, what: str = "it") -> _Result:
    """What `work` returns, or raises, within so many seconds; by default `DEADLINE`. Raises `DeadlineError`.

    It runs in a thread that is left alone when its time is up: nothing stops a read of a socket that gives a byte now
    and then.
    """
    limit = DEADLINE if seconds is None else seconds
    outcome: queue.SimpleQueue[tuple[_Result | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((work(), None))
        except BaseException as error:  # whatever it is, the caller gets it
            outcome.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = outcome.get(timeout=limit)
    except queue.Empty:
        raise DeadlineError(
            tell("{what} did not answer within {seconds:g} seconds", what=what, seconds=limit)
        ) from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # there is one where there is no error


def read_content(answer: requests.Response, limit: int | None = None) -> bytes:
    """The body of an answer that is streamed, inflated, which is its `content` from then on.

    Raises `TooLargeError`, and `requests.RequestException` where it breaks off.
    """
    most = CONTENT_LIMIT if limit is None else limit
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip", "x-gzip", "deflate"}:
        raise requests.RequestException(
            tell(
                "{url} answers in an encoding that was not asked for: {encoding!r}",
                url=answer.url,
                encoding=encoding[:40],
            )
        )
    try:
        with BoundedBody(answer, most) as body:
            data = _read_all(body, most, is_inflated=encoding not in {"identity", ""})
    except BodyError as error:
        raise TooLargeError(join_messages(": ", (answer.url, str(error)))) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(f"{answer.url}: {error}") from error
    answer._content, answer._content_consumed = data, True  # type: ignore[attr-defined]
    return data


def _read_all(body: BoundedBody, limit: int, *, is_inflated: bool) -> bytes:
    parts, length = [], 0
    inflating = zlib.decompressobj(_ANY_HEADER) if is_inflated else None
    while block := body.read(_BLOCK):
        while block:
            part = inflating.decompress(block, _BLOCK) if inflating is not None else block
            block = inflating.unconsumed_tail if inflating is not None else b""
            parts.append(part)
            length += len(part)
            if length > limit:
                raise BodyError(tell("its answer is larger than {size} MiB", size=limit >> 20))
    return b"".join(parts)


class BoundedBody(io.RawIOBase):
    """The body of an answer as it was sent, which ends after so many bytes and in time.

    Raises `BodyError` while it is read, and urllib3's errors.
    """

    def __init__(self, answer: requests.Response, limit: int | None = None) -> None:
        self._raw: Any = answer.raw
        self._limit = STREAM_LIMIT if limit is None else limit
        self._received = 0
        self._begun = time.monotonic()
        self._is_closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def readable(self) -> bool:
        """It is only ever read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with some of what comes next."""
        view = memoryview(buffer)
        data = self._read_some(min(len(view), _BLOCK))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """End the watch; the answer is its owner's to close."""
        self._is_closed.set()
        super().close()

    def _read_some(self, size: int) -> bytes:
        try:
            data: bytes = self._raw.read1(size, decode_content=False)
        except urllib3.exceptions.HTTPError:
            self._require_speed()
            raise
        self._received += len(data)
        if self._received > self._limit:
            raise BodyError(tell("its answer is larger than {size} MiB", size=self._limit >> 20))
        self._require_speed()
        return data

    def _require_speed(self) -> None:
        if self._is_too_slow():
            seconds = time.monotonic() - self._begun
            raise BodyError(
                tell(
                    "its answer came too slowly: {bytes} bytes in {seconds:.0f} seconds",
                    bytes=self._received,
                    seconds=seconds,
                )
            )

    def _is_too_slow(self) -> bool:
        return self._received < (time.monotonic() - self._begun - GRACE) * SLOWEST

    def _watch(self) -> None:
        """Break off a read that does not return, such as one of a line that comes in byte by byte."""
        while not self._is_closed.wait(GRACE / 12):
            if self._is_too_slow():
                with suppress(ValueError, RuntimeError, OSError, AttributeError):
                    self._raw.shutdown()
                return
