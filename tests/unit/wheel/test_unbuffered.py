"""Files written past the page cache: whatever the size, and on a file system that does not offer it."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.wheel.unbuffered import Unbuffered

SIZES = (0, 1, 4095, 4096, 4097, (4 << 20) - 1, 4 << 20, (4 << 20) + 4097, 9 << 20)


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "disk":
        yield tmp_path
        return
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no tmpfs to write to")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as text:
        yield Path(text)


@pytest.mark.parametrize("step", [1000, 4096, 3 << 20, 16 << 20])
def test_what_is_written_is_there(folder: Path, step: int) -> None:
    data = random.Random(0).randbytes(max(SIZES))
    for size in SIZES:
        path = folder / str(size)
        file = Unbuffered(str(path), 0o755)
        for start in range(0, size, step):
            file.write(data[start : min(start + step, size)])
        file.finish()
        file.close()
        assert path.read_bytes() == data[:size]
        assert path.stat().st_mode & 0o777 == 0o755


def test_a_file_that_is_there_stays(folder: Path) -> None:
    (folder / "there").write_text("mine")
    with pytest.raises(FileExistsError):
        Unbuffered(str(folder / "there"), 0o644)
    assert (folder / "there").read_text() == "mine"


def test_it_takes_up_no_page_cache(tmp_path: Path) -> None:
    if not _is_offered(tmp_path):
        pytest.skip("this file system offers no way past the page cache")
    path = tmp_path / "large"
    file = Unbuffered(str(path), 0o644)
    file.write(bytes(8 << 20))
    file.finish()
    file.close()
    handle = os.open(path, os.O_RDONLY)
    # Without waiting, only what is in the page cache is read (preadv2(2), RWF_NOWAIT).
    with pytest.raises(BlockingIOError):
        os.preadv(handle, [bytearray(4096)], 0, os.RWF_NOWAIT)
    os.close(handle)


def _is_offered(folder: Path) -> bool:
    try:
        os.close(os.open(folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_DIRECT))
    except OSError:
        return False
    return True
