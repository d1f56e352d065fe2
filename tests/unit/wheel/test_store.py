"""The store: whole files under their hash, or nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from envtool.errors import HashError, StoreError
from envtool.wheel.name import compute_sha256
from envtool.wheel.store import FileStore


def test_kept_under_its_hash_and_found_in_a_fallback(tmp_path: Path) -> None:
    source = tmp_path / "a.whl"
    source.write_bytes(b"wheel")
    first = FileStore(tmp_path / "one")
    kept = first.add(source)
    assert kept.parent.name == compute_sha256(source)
    second = FileStore(tmp_path / "two", (first.root,))
    assert second.find(compute_sha256(source)) == kept
    assert second.add(source) == kept
    assert not second.root.exists()


def test_another_hash_is_refused_and_nothing_kept(tmp_path: Path) -> None:
    source = tmp_path / "a.whl"
    source.write_bytes(b"wheel")
    store = FileStore(tmp_path / "store")
    with pytest.raises(HashError, match="not the file that was locked"):
        store.add(source, expected="00" * 32)
    assert not store.root.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_no_part(tmp_path: Path, small_disk: Path) -> None:
    source = tmp_path / "big.whl"
    source.write_bytes(bytes(1 << 20))
    with pytest.raises(StoreError, match="is full") as caught:
        FileStore(small_disk).add(source)
    assert "HAC_STORE" in caught.value.remedy
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
