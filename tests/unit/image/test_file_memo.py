"""What is kept of a file that was read: for as long as it is the same file, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.image.file_memo import FileMemo


@pytest.fixture
def read() -> tuple[FileMemo[str], list[Path]]:
    """A function that reads a file, and the paths that it did read."""
    asked: list[Path] = []

    def text(path: Path) -> str:
        asked.append(path)
        return path.read_text()

    return FileMemo(text), asked


def test_renamed_or_linked_is_the_same(tmp_path: Path, read: tuple[FileMemo[str], list[Path]]) -> None:
    text, asked = read
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    first.write_text("a")
    assert text(first) == "a"
    second.hardlink_to(first)
    first.rename(third)
    assert (text(second), text(third)) == ("a", "a")
    assert asked == [first]


def test_written_or_replaced_is_another(tmp_path: Path, read: tuple[FileMemo[str], list[Path]]) -> None:
    text, asked = read
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_text("a")
    assert text(path) == "a"
    path.write_text("bb")
    assert text(path) == "bb"
    other.write_text("cc")
    other.replace(path)
    assert text(path) == "cc"
    assert asked == [path, path, path]


def test_what_a_writer_tells_is_not_read(tmp_path: Path, read: tuple[FileMemo[str], list[Path]]) -> None:
    text, asked = read
    path = tmp_path / "file"
    path.write_text("a")
    text.remember(path, "a")
    path = path.rename(tmp_path / "other")
    assert text(path) == "a"
    assert not asked
    path.write_text("bb")
    assert text(path) == "bb"
