"""The digest of a stream that is hashed beside its reading."""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from envtool.image.stored.hashing import Hashing


@pytest.mark.parametrize("size", [0, 1, (4 << 20) - 1, 4 << 20, (29 << 20) + 7])
@pytest.mark.parametrize("step", [100_003, 1 << 20, 9 << 20])
def test_of_all_that_was_read(size: int, step: int) -> None:
    data = os.urandom(size)
    with ThreadPoolExecutor(1) as worker:
        stream = Hashing(io.BytesIO(data), worker)
        read = bytearray()
        while block := stream.read(step):
            read += block
        assert read == data
        assert stream.hexdigest() == f"sha256:{hashlib.sha256(data).hexdigest()}"
