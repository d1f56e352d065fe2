"""Written pages in other languages, `page.ko.md` beside `page.md`: which there are, and whether they are up to date.

The first line of a translation names the digest of the English page that it was made from. After a change of the
English page: bring the translation to it, then write its line anew with
`python -m docs.generate.translated docs/guide/check.md`. Without a page, what is out of date is listed.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from envtool.language import ENGLISH, LANGUAGES

PROJECT = Path(__file__).parents[2]
FOREIGN = tuple(language for language in LANGUAGES if language != ENGLISH)
_MARK = re.compile(r"\A<!-- English: ([0-9a-f]{12}) -->\n")
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6} .*?)(?: \{ ?#(\S+?) ?\})?$")
_LINK = re.compile(r"\]\(([^)#\s:]+\.md)(#[^)\s]*)?\)")


def list_pages() -> list[Path]:
    """The English pages that have translations: of the site, those that `explain` prints, and the README."""
    found = [*PROJECT.glob("docs/**/*.md"), *PROJECT.glob("envtool/*/pages/*.md"), PROJECT / "README.md"]
    return sorted(path for path in found if path.name.count(".") == 1)


def find_translation(page: Path, language: str) -> Path:
    """Where the page is in another language."""
    return page.with_name(f"{page.stem}.{language}{page.suffix}")


def compute_digest(page: Path) -> str:
    """The digest that a translation of the page as it is now names."""
    return hashlib.sha256(page.read_bytes()).hexdigest()[:12]


def read_translation(path: Path) -> tuple[str, str]:
    """The digest that a translation names, empty where it names none, and its text."""
    text = path.read_text(encoding="utf-8")
    mark = _MARK.match(text)
    return (mark[1], text[mark.end() :]) if mark else ("", text)


def is_up_to_date(page: Path, translation: Path) -> bool:
    """Whether there is a translation, and it was made from the page as it is now."""
    return translation.exists() and read_translation(translation)[0] == compute_digest(page)


def mark_translation(page: Path, language: str) -> None:
    """Write that a translation is that of the page as it is now; have its links lead to pages in its language."""
    path = find_translation(page, language)
    _digest, text = read_translation(path)

    def lead(found: re.Match[str]) -> str:
        target = path.parent / found[1]
        foreign = find_translation(target, language)
        if target.name.count(".") > 1 or not foreign.exists():
            return found[0]
        return f"]({Path(found[1]).with_name(foreign.name)}{found[2] or ''})"

    # A link from a page to its own other language leads there.
    lines = [
        line if line.startswith("[English](") else _LINK.sub(lead, line) for line in text.splitlines(keepends=True)
    ]
    path.write_text(f"<!-- English: {compute_digest(page)} -->\n{''.join(lines)}", encoding="utf-8")


def with_headings_of(text: str, slugs: Sequence[str]) -> str:
    """Markdown whose headings have these anchors, in their order: a link leads to the same place in every language."""
    lines = text.splitlines()
    for at, slug in zip(_find_headings(text), slugs, strict=False):
        lines[at] = _HEADING.sub(rf"\1 {{ #{slug} }}", lines[at])
    return "\n".join(lines) + "\n"


def list_headings(text: str) -> list[tuple[str, str]]:
    """The headings of a page, each with the anchor that it is given, empty where it is given none."""
    lines = text.splitlines()
    found = [_HEADING.fullmatch(lines[at]) for at in _find_headings(text)]
    return [(heading[1].lstrip("#").strip(), heading[2] or "") for heading in found if heading]


def _find_headings(text: str) -> Iterator[int]:
    """The numbers of the lines that are headings: none within a block of code."""
    fence = ""
    for at, line in enumerate(text.splitlines()):
        mark = re.match(r" *(```+)", line)
        if mark and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        elif not fence and _HEADING.match(line):
            yield at


def list_code(text: str) -> set[str]:
    """What a page has between backticks."""
    return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", _FENCE.sub("", text))}


def list_blocks(text: str) -> list[list[str]]:
    """The lines of each block of code, without comments, which are prose."""
    return [
        [stripped for line in found[0].splitlines() if (stripped := re.sub(r"(^|\s+)#\s.*$", "", line).strip())]
        for found in _FENCE.finditer(text)
    ]


def list_links(text: str) -> set[str]:
    """Where the links of a page lead, in whatever language."""
    targets = re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", text))
    return {re.sub(rf"\.(?:{'|'.join(FOREIGN)})\.md\b", ".md", target) for target in targets}


def main(arguments: Sequence[str]) -> int:
    """Mark translations of the pages named, or list those that are missing or out of date. Returns the exit status."""
    for name in arguments:
        page = Path(name).resolve()
        for language in FOREIGN:
            if find_translation(page, language).exists():
                mark_translation(page, language)
    status = 0
    for page in [] if arguments else list_pages():
        for language in FOREIGN:
            path = find_translation(page, language)
            if not is_up_to_date(page, path):
                status = 1
                print(f"{path.relative_to(PROJECT)}: {'out of date' if path.exists() else 'missing'}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
