"""The one place where a page is made: every value made safe, every word through gettext, style and script in the file.

A page's words are in its template, in `_()` or `{% trans %}`, which Babel extracts; `lang` says which language they are
in. Values come from a document of plain data, the one that the JSON is made from.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from gettext import NullTranslations, translation
from importlib import resources
from typing import TYPE_CHECKING, Any

import envtool
from envtool.cli.render.html.chains import shorten
from envtool.errors import SetupError
from envtool.language import ENGLISH, FOLDER, PAGES_DOMAIN, Message, get_language, tell, translate
from envtool.masking import MaskedText, mask_credentials
from envtool.printable import escape_controls, spoil_commands

if TYPE_CHECKING:
    import jinja2

_TEMPLATES = "envtool.cli.render.html"


def render_page(template: str, document: Mapping[str, Any], *, translations: NullTranslations | None = None) -> str:
    """The page that `templates/TEMPLATE.html.jinja` makes of a document, without a line's end after it.

    `translations` have the words of another language than the process's, and its name as `language` of their `info()`.
    Raises `SetupError` where Jinja2 is not installed.
    """
    words = translations or _load_words(get_language())
    environment = _make_environment()
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    style, script = _read_part("page.css"), _read_part("page.js")
    text: str = environment.get_template(f"{template}.html.jinja").render(
        **make_presentable(dict(document)),
        lang=words.info().get("language", "en"),
        version=envtool.__version__,
        style=style,
        script=script,
        policy=_make_policy(style, script),
    )
    return MaskedText(text.rstrip("\n"))


@cache
def _load_words(language: str) -> NullTranslations:
    return NullTranslations() if language == ENGLISH else translation(PAGES_DOMAIN, FOLDER, [language])


def make_presentable(value: Any) -> Any:
    """The same data, each text as the one point of output lets it through: what is masked there is no HTML yet here.

    What the program says of its own is told in the person's language; values, such as names, stay.
    """
    if isinstance(value, str):
        return spoil_commands(
            escape_controls(mask_credentials(translate(value) if isinstance(value, Message) else value))
        )
    if isinstance(value, Mapping):
        return {make_presentable(key): make_presentable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [make_presentable(item) for item in value]
    return value


@cache
def _make_environment() -> jinja2.Environment:
    try:
        import jinja2
    except ImportError as error:
        raise SetupError(
            tell("a report in HTML cannot be made by this installation"),
            why=tell("the library jinja2 is missing"),
            remedy=tell("make venv   (or: uv tool install '.[html]')"),
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(_TEMPLATES),
        # Always, whatever a template is called.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.filters["shorten"] = shorten
    return environment


@cache
def _read_part(name: str) -> str:
    return resources.files(_TEMPLATES).joinpath("templates", name).read_text(encoding="utf-8")


def _make_policy(style: str, script: str) -> str:
    """The Content-Security-Policy: nothing is loaded, and no other style or script runs, whatever a name holds."""
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
