"""Pages that the benchmarks keep in the repository, in every language from one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.cells import cell_len

from benchmarks.page_texts import TEXTS
from docs.generate.translated import FOREIGN, find_translation, mark_translation
from envtool.language import ENGLISH

# A text in the page's language, with its places filled in.
Say = Callable[..., str]
_WIDTH = 120


def speak(language: str) -> Say:
    """What tells a page's texts in a language; a text that has no translation is a `KeyError`."""

    def say(text: str, /, **values: object) -> str:
        told = text if language == ENGLISH else TEXTS[language][text]
        return told.format(**values) if values else told

    return say


def fill_paragraph(text: str) -> str:
    """A paragraph as the pages have it, of lines that fit; a Korean letter is two columns wide."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if cell_len(longer) <= _WIDTH:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def write_page(page: Path, render: Callable[[Say], str]) -> str:
    """Write a page in every language, each marked as that of the English one, which is returned."""
    text = render(speak(ENGLISH))
    page.write_text(text, encoding="utf-8")
    for language in FOREIGN:
        find_translation(page, language).write_text(render(speak(language)), encoding="utf-8")
        mark_translation(page, language)
    return text
