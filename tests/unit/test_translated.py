"""Pages in other languages: made from the English page as it is now, with its code, links and structure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate.page_words import find_words
from docs.generate.pages import make_pages
from docs.generate.translated import (
    FOREIGN,
    PROJECT,
    compute_digest,
    find_translation,
    list_blocks,
    list_code,
    list_headings,
    list_links,
    list_pages,
    mark_translation,
    read_translation,
    with_headings_of,
)
from envtool.language import ENGLISH

_TRANSLATED = [
    pytest.param(page, find_translation(page, language), id=f"{page.relative_to(PROJECT)}:{language}")
    for page in list_pages()
    for language in FOREIGN
    if find_translation(page, language).exists()
]


@pytest.mark.parametrize("language", FOREIGN)
def test_every_page_is_translated(language: str) -> None:
    missing = {str(page.relative_to(PROJECT)) for page in list_pages() if not find_translation(page, language).exists()}
    assert missing == set(), f"write PAGE.{language}.md, then: python -m docs.generate.translated PAGE.md"


@pytest.mark.parametrize(("page", "translation"), _TRANSLATED)
def test_page_is_translated_as_it_is_now(page: Path, translation: Path) -> None:
    digest, text = read_translation(translation)
    name = page.relative_to(PROJECT)
    assert digest == compute_digest(page), f"translate what changed, then: python -m docs.generate.translated {name}"
    english = page.read_text(encoding="utf-8")
    # Commands, names and paths are never translated, and none is left out.
    assert list_code(text) == list_code(english)
    assert list_blocks(text) == list_blocks(english)
    assert len(list_headings(text)) == len(list_headings(english))
    assert len(re.findall(r"^ *\|", text, re.MULTILINE)) == len(re.findall(r"^ *\|", english, re.MULTILINE))
    # Each README leads to the other.
    assert list_links(text) - {"README.md"} == list_links(english) - {"README.md"}


@pytest.mark.parametrize(("page", "translation"), _TRANSLATED)
def test_a_translation_speaks_its_language(page: Path, translation: Path) -> None:
    """No sentence stayed English: outside of code, paragraphs have Korean letters."""
    assert translation.suffixes == [".ko", ".md"]
    text = re.sub(r"```.*?```|<!--.*?-->|`[^`]*`", "", read_translation(translation)[1], flags=re.DOTALL)
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if len(re.findall(r"\b[a-z]{2,}\b", part)) > 6]
    assert [part for part in paragraphs if not re.search("[가-힣]", part)] == []


def test_a_mark_is_written_and_links_lead_to_pages_of_the_language(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n[other](other.md#part)\n")
    (tmp_path / "other.ko.md").touch()
    (tmp_path / "page.ko.md").write_text(
        "# 페이지\n\n[다른](other.md#part), [없음](none.md), [밖](https://a.b/other.md)\n"
    )
    for _again in range(2):
        mark_translation(page, "ko")
        digest, text = read_translation(tmp_path / "page.ko.md")
        assert digest == compute_digest(page)
        assert text == "# 페이지\n\n[다른](other.ko.md#part), [없음](none.md), [밖](https://a.b/other.md)\n"
    page.write_text("# Page\n\nNew.\n")
    assert read_translation(tmp_path / "page.ko.md")[0] != compute_digest(page)


def test_headings_have_the_anchors_of_the_english_page() -> None:
    text = "# 제목\n\n```console\n# no heading\n```\n\n## 부분\n\n### 옵션 { #given }\n"
    assert list_headings(text) == [("제목", ""), ("부분", ""), ("옵션", "given")]
    told = with_headings_of(text, ["title", "part", "option"])
    assert list_headings(told) == [("제목", "title"), ("부분", "part"), ("옵션", "option")]
    assert "\n# no heading\n" in told


def test_blocks_are_compared_without_what_is_said_beside_a_command() -> None:
    blocks = list_blocks(
        "```console\n$ envtool doctor   # what happened\n```\n\n    ```toml\n    # why\n    a = 1\n    ```\n"
    )
    assert blocks == [["```console", "$ envtool doctor", "```"], ["```toml", "a = 1", "```"]]


@pytest.mark.parametrize("language", FOREIGN)
def test_pages_made_of_the_program_speak_the_language(language: str) -> None:
    english, foreign = make_pages(), make_pages(language)
    assert set(foreign) == set(english)
    same = {path for path in english if english[path] == foreign[path]}
    assert same == set()
    assert all(len(list_headings(foreign[path])) == len(list_headings(english[path])) for path in english)
    assert find_words(ENGLISH, "Options") in english["reference/commands/envtool-doctor.md"]
    with pytest.raises(KeyError):
        find_words(language, "no such text")
