"""Downloads a file into the store, for every kind of source that is reached over HTTP."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.vendor.store import FileStore, reported

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
    with reported(store.root):
        store.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=store.root) as folder:
            target = Path(folder) / filename
            with failures:
                with session.get(address, stream=True, timeout=timeout) as answer, open(target, "wb") as stream:
                    answer.raise_for_status()
                    for block in answer.iter_content(_BLOCK):
                        stream.write(block)
            return store.add(target, expected=expected)
