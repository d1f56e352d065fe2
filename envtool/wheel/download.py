"""Downloads a file into the store, for every kind of source that is reached over HTTP.

What has come so far is kept below `<store>/partial`, and the rest is asked for (RFC 9110, section 14): after a break in
the same run, and of a file whose sha256 is known also in the next.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import HashError
from envtool.language import join_messages
from envtool.net.http import get
from envtool.wheel.store import FileStore, translate_store_errors

if TYPE_CHECKING:
    import requests

_BLOCK = 1 << 20


def download(
    session: requests.Session,
    address: str,
    filename: str,
    store: FileStore,
    *,
    expected: str | None,
    timeout: float,
    failures: AbstractContextManager[None],
) -> Path:
    """Bring the file at `address` into `store` as `filename` and return its path there.

    `timeout` is in seconds, for a connection and for a silence. `failures` surrounds the network part and turns
    requests' errors into the caller's. Raises `HashError` where the sha256 is not `expected`, and `StoreError`.
    """
    folder = store.partial / hashlib.sha256(f"{address} {expected}".encode()).hexdigest()[:32]
    partial = folder / filename
    with translate_store_errors(store.root):
        folder.mkdir(parents=True, exist_ok=True)
        if expected is None:
            # Nothing would tell whether the rest belongs to it.
            partial.unlink(missing_ok=True)
        with failures:
            _fetch(session, address, partial, timeout)
        try:
            return store.add(partial, expected=expected)
        except HashError:
            partial.unlink()
            raise
        finally:
            if expected is None or store.has(expected):
                partial.unlink(missing_ok=True)
                folder.rmdir()


def _fetch(session: requests.Session, address: str, partial: Path, timeout: float) -> None:
    """Append to `partial` until it is whole; after a break the rest is asked for."""
    from envtool.net.retry import read_with_retries

    def send() -> requests.Response:
        size = _read_size(partial)
        # An encoding on the way would make positions mean something else.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
        return get(session, address, stream=True, timeout=timeout, headers=headers)

    read_with_retries(send, lambda answer: _append(answer, partial))


def _append(answer: requests.Response, partial: Path) -> None:
    import requests
    import urllib3.exceptions

    from envtool.net.bounds import BodyError, BoundedBody

    size = _read_size(partial)
    if size and answer.status_code == 416:
        # There is no more than what is here already; its hash will tell whether that is all.
        return
    answer.raise_for_status()
    is_rest = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {size}-")
    # Not by a link: where others can write, one may have come in its place.
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(handle, "ab") as stream:
        if not (size and is_rest):
            stream.truncate(0)
        try:
            with BoundedBody(answer) as body:
                shutil.copyfileobj(body, stream, _BLOCK)
        except BodyError as error:
            raise requests.RequestException(join_messages(": ", (answer.url, str(error)))) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from error


def _read_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
