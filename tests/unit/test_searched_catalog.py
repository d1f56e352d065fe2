"""Texts that are searched for in a compiled catalog are those that Python's own class reads from it."""

from __future__ import annotations

import io
import struct
from gettext import GNUTranslations, find, translation

import pytest

from envtool.language import DOMAIN, FOLDER
from envtool.searched_catalog import SearchedTranslations


def test_every_text_is_found() -> None:
    path = find(DOMAIN, FOLDER, ["ko"])
    assert path is not None
    with open(path, "rb") as stream:
        whole = GNUTranslations(stream)
    texts = [text for text in whole._catalog if text]  # type: ignore[attr-defined]
    assert len(texts) > 1000
    searched = translation(DOMAIN, FOLDER, ["ko"], SearchedTranslations)
    assert [text for text in texts if searched.gettext(text) != whole.gettext(text)] == []


@pytest.mark.parametrize("text", ["A", "no text of ours", "\U0010ffff", "번역"])
def test_what_is_not_there_stays_as_it_is(text: str) -> None:
    searched = translation(DOMAIN, FOLDER, ["ko"], SearchedTranslations)
    assert searched.gettext(text) == text


@pytest.mark.parametrize("order", ["<", ">"])
def test_of_either_order_of_bytes(order: str) -> None:
    """As it was written on another machine: two texts, of which the second begins like the first."""
    texts = [(b"one", b"eins"), (b"one more", b"noch eins")]
    tables, data, place = [b"", b""], b"", 28 + 2 * 8 * len(texts)
    for index in (0, 1):
        for pair in texts:
            tables[index] += struct.pack(f"{order}2I", len(pair[index]), place + len(data))
            data += pair[index] + b"\0"
    head = struct.pack(f"{order}7I", 0x950412DE, 0, len(texts), 28, 28 + 8 * len(texts), 0, 0)
    searched = SearchedTranslations(io.BytesIO(head + b"".join(tables) + data))
    assert [searched.gettext(text) for text in ("one", "one more", "one mor")] == ["eins", "noch eins", "one mor"]
