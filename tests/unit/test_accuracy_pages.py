"""Accuracy pages in every language: rendered from the same figures, with nothing left to tell."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import check_accuracy, doctor_accuracy, scan
from benchmarks.kept_pages import Say, speak, write_page
from docs.generate.translated import FOREIGN, compute_digest, list_code, read_translation
from envtool.language import ENGLISH, LANGUAGES

_ROWS = {
    "test_truth": [("pip", "safe clobbered clobbered"), ("uv", "unknown fails failed")],
    "test_files": [("pip", "clobbered clobbered"), ("seconds", "1.5")],
    "test_projects_truth": [("uv", "safe kept")],
    "test_dockerfiles": [("dockerfile", "unknown kept")],
    "test_fixes": [("fix", "installs"), ("fix", "none"), ("needless", "0")],
}


def render_all(say: Say) -> list[str]:
    healthy = doctor_accuracy.Healthy(["numpy"], {"scipy": ["torch-missing"]}, {"jax": "no wheel"})
    score = scan.Score(Counter(error=3), Counter(error=3), Counter())
    return [
        check_accuracy.render(_ROWS, say)[0],
        doctor_accuracy.render({"01-replaced": Counter(found=1)}, healthy, say),
        scan.render(score, 1.0, 90.0, say),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_told_in_the_language(language: str) -> None:
    english = render_all(speak(ENGLISH))
    for told, page in zip(render_all(speak(language)), english, strict=True):
        assert list_code(told) == list_code(page)
        assert told.count("|") == page.count("|")
        assert (told == page) == (language == ENGLISH)
    assert "3" in english[2]


def test_a_page_is_written_with_its_translations(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    score = scan.Score(Counter(error=3), Counter(error=3), Counter())
    text = write_page(page, lambda say: scan.render(score, 1.0, 90.0, say))
    assert page.read_text() == text
    for language in FOREIGN:
        digest, told = read_translation(page.with_name(f"page.{language}.md"))
        assert digest == compute_digest(page)
        assert told != text
