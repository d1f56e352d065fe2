"""MkDocs' hook: adds the pages that are made of the program, and mends links that lead out of the documentation.

Pages are written for two readers: on GitHub a link to `../../SECURITY.md` leads to that file; on the site, which has
only what is below `docs/`, it leads to GitHub.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

_PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(_PROJECT))

_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
_made: dict[str, str] = {}
# By the English page's path: the anchors of its headings, for those of its translations.
_anchors: dict[str, list[str]] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the pages, and put what a folder has into the navigation where it names the folder: `decisions/`."""
    from docs.generate.pages import make_pages
    from docs.generate.translated import FOREIGN

    if not _made:
        _made.update(make_pages())
        for language in FOREIGN:
            _made.update((_name_foreign(path, language), text) for path, text in make_pages(language).items())
    config.nav = _expand(config.nav, Path(config.docs_dir))
    return config


# Before the plugin that makes pages of other languages of them.
@event_priority(100)
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that are written, each as if it were a file among them."""
    for path, text in _made.items():
        file = File.generated(config, path, content=text)
        file.abs_src_path = str(Path(config.docs_dir, path))
        files.append(file)
    return files


def on_page_read_source(page: Page, config: MkDocsConfig) -> str | None:  # noqa: ARG001
    """The text of a page that was made: a plugin for languages makes its own files of ours, by their names alone."""
    return _made.get(page.file.src_uri)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Have links that leave `docs/` lead to the repository."""
    folder = PurePosixPath("docs", page.file.src_uri).parent

    def mend(found: re.Match[str]) -> str:
        target, anchor = found[1], found[2] or ""
        path = os.path.normpath(folder / target)
        if ":" in target or path.startswith("docs/"):
            return found[0]
        kind = "tree" if (_PROJECT / path).is_dir() else "blob"
        return f"]({config.repo_url}/{kind}/main/{path}{anchor})"

    return _LINK.sub(mend, _take_anchors(markdown, page, config))


def _name_foreign(path: str, language: str) -> str:
    return f"{path.removesuffix('.md')}.{language}.md"


def _take_anchors(markdown: str, page: Page, config: MkDocsConfig) -> str:
    """A translation without its mark, and with the anchors of the page that it was made from."""
    from docs.generate.translated import FOREIGN, with_headings_of

    path = PurePosixPath(page.file.src_uri)
    if path.suffixes[-2:-1] == [] or path.suffixes[-2].lstrip(".") not in FOREIGN:
        return markdown
    english = f"{str(path).removesuffix(''.join(path.suffixes[-2:]))}.md"
    if english not in _anchors:
        text = _made.get(english) or Path(config.docs_dir, english).read_text(encoding="utf-8")
        _anchors[english] = _list_anchors(text)
    return with_headings_of(re.sub(r"\A<!-- English: \w+ -->\n", "", markdown), _anchors[english])


def _list_anchors(text: str) -> list[str]:
    """The anchors of a page's headings, as the extension that makes them from titles does."""
    from markdown.extensions.toc import unique
    from pymdownx.slugs import slugify

    from docs.generate.translated import list_headings

    taken: set[str] = set()
    slug = slugify(case="lower")
    headings = list_headings(text)
    return [given or unique(slug(re.sub(r"[`*]|\]\([^)]*\)", "", title), "-"), taken) for title, given in headings]


def _expand(item: Any, docs: Path) -> Any:
    """The navigation with the names of folders replaced by their pages, made or written, `index.md` first."""
    if isinstance(item, dict):
        return {title: _expand(part, docs) for title, part in item.items()}
    if isinstance(item, list):
        return [_expand(part, docs) for part in item]
    if isinstance(item, str) and item.endswith("/"):
        inside = {path for path in _made if path.startswith(item) and path.count(".") == 1}
        # `page.ko.md` is the same page in another language.
        inside |= {f"{item}{path.name}" for path in (docs / item).glob("*.md") if path.name.count(".") == 1}
        return sorted(inside, key=lambda path: (not path.endswith("/index.md"), path.removesuffix(".md")))
    return item
