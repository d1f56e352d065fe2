"""The language of what a person reads. What a program reads is English: JSON, SARIF, ids, commands to type.

A text is made in English and stays an English text wherever it goes. One that has parts is a `Message`, which remembers
what it was made of, so that it can be told anew, in another language, at the point where it leaves the program.
Catalogs are GNU gettext's (GNU gettext manual, "The Format of GNU MO Files").
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.searched_catalog import SearchedTranslations

VARIABLE = "HAC_LANG"
DOMAIN = "envtool"
# The words of HTML pages.
PAGES_DOMAIN = "pages"
FOLDER = Path(__file__).parent / "locale"
ENGLISH = "en"
# Names of the locale that speaks no language (POSIX, "POSIX Locale").
_NO_LOCALE = frozenset({"C", "POSIX"})
# Of which there are catalogs and pages.
LANGUAGES = (ENGLISH, "ko")


class Message(str):
    """An English text, with the template that it was made from and what was put in."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        """The message itself: `str(error)` and the text of an object that is made of messages can be told anew."""
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """As a process hands it to the one that it works for."""
        return (_rebuild, (self.template, dict(self.values)))


def tell(template: str, /, **values: object) -> Message:
    """The text of a template with `{named}` places, as `str.format` fills them, for a person of any language."""
    return _rebuild(template, values)


def mark_message(text: str) -> Message:
    """The text of a table as a message without places: `tell` would take its braces for some."""
    return _rebuild(text.replace("{", "{{").replace("}", "}}"), {})


def phrase(template: str, /, **values: object) -> str:
    """Like `tell`, but in the process's language at once: for what is printed as it stands, and kept nowhere."""
    return translate(_rebuild(template, values))


def _rebuild(template: str, values: Mapping[str, object]) -> Message:
    values = {name: _read_message(value) for name, value in values.items()}
    message = Message(template.format(**values))
    message.template = template
    message.values = values
    return message


def _read_message(value: object) -> object:
    """What an object says of itself, where that is a message; an exception's in any case: not every one is pickled."""
    if isinstance(value, str | int | float | Path):
        return value
    told = str(value)
    return told if isinstance(told, Message) or isinstance(value, BaseException) else value


def join_messages(separator: str, parts: Iterable[str]) -> Message:
    """The parts as one text, each of which is told by itself."""
    values = {f"part{index}": part for index, part in enumerate(parts)}
    return _rebuild(separator.join(f"{{{name}}}" for name in values), values)


def join_alternatives(texts: Iterable[str]) -> str:
    """The texts with "or" between them; empty where there is none."""
    return _join_by(lambda first, second: tell("{first} or {second}", first=first, second=second), texts)


def join_listed(texts: Iterable[str]) -> str:
    """The texts with "and" between them; empty where there is none."""
    return _join_by(lambda first, second: tell("{first} and {second}", first=first, second=second), texts)


def _join_by(join: Callable[[str, str], str], texts: Iterable[str]) -> str:
    first, *others = [*texts] or [""]
    return reduce(join, others, first)


def map_parts(text: str, change: Callable[[str], str]) -> str:
    """The text with what was put into it changed, such as paths; a text that has no parts is changed as a whole."""
    if not isinstance(text, Message):
        return change(text)
    return _rebuild(text.template, {name: _map_value(value, change) for name, value in text.values.items()})


def _map_value(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, Path):
        return change(str(value))
    return map_parts(value, change) if isinstance(value, str) else value


def find_language(variables: Mapping[str, str]) -> str:
    """The first language that a person asks for and that there is.

    `HAC_LANG` comes before the variables that gettext looks at, in its order, of which the first that is set counts
    (GNU gettext manual, "Locale Environment Variables"; LANGUAGE has several, by preference, and does not count where
    the locale is C).
    """
    locale = next((variables[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if variables.get(name)), "")
    names = (VARIABLE,) if locale in _NO_LOCALE else (VARIABLE, "LANGUAGE")
    wanted = next((variables[name] for name in names if variables.get(name)), locale)
    for item in wanted.split(":"):
        # `ko_KR.UTF-8@modifier`; some write `ko-KR`, and `korean` is an old alias of the C library's.
        language = item.partition(".")[0].partition("@")[0].replace("-", "_").partition("_")[0].lower()
        language = {"korean": "ko", "c": ENGLISH, "posix": ENGLISH}.get(language, language)
        if language in LANGUAGES:
            return language
    return ENGLISH


@cache
def get_language() -> str:
    """The language of this process."""
    return find_language(os.environ)


def translate(text: str, language: str | None = None) -> str:
    """The text in the process's language, or `language`; what no catalog has stays English."""
    language = language or get_language()
    if language == ENGLISH or not text:
        return str(text)
    catalog = _load_catalog(language)
    if not isinstance(text, Message):
        return catalog.gettext(text)
    values = {
        name: translate(value, language) if isinstance(value, Message) else value for name, value in text.values.items()
    }
    return catalog.gettext(text.template).format(**values)


@cache
def _load_catalog(language: str) -> SearchedTranslations:
    # Only now: most of what the guard says is nothing.
    from gettext import translation

    from envtool.searched_catalog import SearchedTranslations

    return translation(DOMAIN, FOLDER, [language], SearchedTranslations)
