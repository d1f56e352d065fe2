"""The digest of a stream that is hashed beside its reading."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from envtool.image.read.hashing import HashingReader


@pytest.mark.parametrize("size", [0, 1, (4 << 20) - 1, 4 << 20, (29 << 20) + 7])
@pytest.mark.parametrize("step", [100_003, 1 << 20, 9 << 20])
def test_of_all_that_was_read(size: int, step: int) -> None:
    data = os.urandom(size)
    with ThreadPoolExecutor(1) as worker:
        stream = HashingReader(io.BytesIO(data), worker)
        read = bytearray()
        while block := stream.read(step):
            read += block
        assert read == data
        assert stream.hexdigest() == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_what_is_passed_over_is_hashed_as_well() -> None:
    data = os.urandom((9 << 20) + 5)
    with ThreadPoolExecutor(1) as worker:
        stream = HashingReader(io.BytesIO(data), worker)
        assert stream.peek(4) == data[:4]
        assert (stream.seek((4 << 20) - 2), stream.read(4)) == ((4 << 20) - 2, data[(4 << 20) - 2 : (4 << 20) + 2])
        assert (stream.seek(8 << 20), stream.tell()) == (8 << 20, 8 << 20)
        with pytest.raises(tarfile.StreamError):
            stream.seek(0)
        assert stream.read() == data[8 << 20 :]
        assert (stream.peek(4), stream.read(), stream.seek(len(data) + 1)) == (b"", b"", len(data))
        assert stream.hexdigest() == f"sha256:{hashlib.sha256(data).hexdigest()}"
