"""The catalogs of the pages' words: what the templates have in `_()` and `{% trans %}`.

They are apart from the program's, because a page alone has plural forms, and a terminal has no page. The standard
library reads them.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from envtool.language import FOLDER, PAGES_DOMAIN

_TEMPLATES = FOLDER.parent / "cli" / "render" / "html" / "templates"
# As the pages' environment is made.
_OPTIONS = {"trimmed": "false", "silent": "false", "newstyle_gettext": "true", "trim_blocks": "true"}


def extract_page_messages() -> Catalog:
    """Every word of the templates, with the templates that it is in."""
    catalog = Catalog(domain=PAGES_DOMAIN, project="hac-envtool", charset="utf-8", fuzzy=False)
    for path in sorted(_TEMPLATES.glob("*.jinja")):
        with path.open("rb") as stream:
            for _line, text, _comments, _context in extract("jinja2.ext:babel_extract", stream, options=_OPTIONS):
                catalog.add(text, locations=[(f"envtool/cli/render/html/templates/{path.name}", 0)])
    return catalog


def find_page_catalog(language: str) -> Path:
    """Where a language's PO file of the pages is; the compiled one lies beside it."""
    return FOLDER / language / "LC_MESSAGES" / f"{PAGES_DOMAIN}.po"


def read_page_catalog(language: str) -> Catalog:
    """A language's catalog of the pages as it is kept."""
    with find_page_catalog(language).open("rb") as stream:
        return read_po(stream, locale=language, domain=PAGES_DOMAIN)


def update_page_catalog(language: str, template: Catalog) -> Catalog:
    """Bring a language's catalog to the templates' words, and write it."""
    catalog = read_page_catalog(language)
    catalog.update(template, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    catalog.obsolete.clear()
    with find_page_catalog(language).open("wb") as stream:
        write_po(stream, catalog, width=120, sort_output=True, include_lineno=False, omit_header=False)
    return catalog
