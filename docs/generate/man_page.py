"""A manual page for each command, in the macros of man(7) that man-db, mandoc and groff read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from docs.generate.command_tree import translate_command_help
from docs.generate.page_words import find_words
from docs.generate.tables import read_rows, strip_code, strip_links
from envtool.language import ENGLISH, LANGUAGES

if TYPE_CHECKING:
    from docs.generate.command_tree import CommandHelp, Parameter

_SITE = "https://hac-envtool.github.io/hac-envtool/"


def render_man_pages(commands: Sequence[CommandHelp], version: str) -> dict[str, str]:
    """The text of each page in each language by its place below `man`, as `man1/envtool-doctor.1`.

    No date: the same program, the same bytes. A language's pages are where man-db and mandoc look for them by the
    locale (FHS 3.0, "/usr/share/man").
    """
    return {
        f"{'' if language == ENGLISH else f'{language}/'}man1/{command.slug}.1": render_man_page(
            translate_command_help(command, language), commands, version, language
        )
        for language in LANGUAGES
        for command in commands
    }


def render_man_page(command: CommandHelp, commands: Sequence[CommandHelp], version: str, language: str) -> str:
    """The page of one command, which says what it says in the language already."""

    def head(title: str) -> str:
        return f".SH {find_words(language, title)}"

    manual = find_words(language, "User Commands")
    lines = [f'.TH "{command.slug.upper()}" "1" "" "hac-envtool {version}" "{manual}"']
    lines += [head("NAME"), f"{_escape(command.slug)} \\- {_format(command.summary)}"]
    lines += [head("SYNOPSIS"), f"\\fB{_escape(command.name)}\\fR{_escape(command.usage.removeprefix(command.name))}"]
    lines += [head("DESCRIPTION")]
    for paragraph in command.paragraphs:
        lines += [".PP", _format(paragraph)]
    for title, parameters in (("ARGUMENTS", command.arguments), ("OPTIONS", command.options)):
        lines += _list_parameters(head(title), parameters, find_words(language, "Default"))
    lines += _list_items(head("COMMANDS"), _list_children(command, commands, language))
    if command.examples:
        lines += [head("EXAMPLES"), ".nf", *(_protect(_escape(line)) for line in command.examples), ".fi"]
    if " " not in command.name:
        for title, page in (("EXIT STATUS", "exit-statuses"), ("ENVIRONMENT", "variables")):
            name = f"{page}.md" if language == ENGLISH else f"{page}.{language}.md"
            lines += _list_items(head(title), (row[:2] for row in read_rows(f"reference/{name}")))
    lines += [head("SEE ALSO"), *_list_relatives(command, commands), ".PP", _escape(_SITE)]
    return "\n".join(lines) + "\n"


def _list_parameters(title: str, parameters: Iterable[Parameter], default_word: str) -> list[str]:
    lines = []
    for item in parameters:
        names = ", ".join(f"\\fB{_escape(name)}\\fR" for name in item.names)
        value = f"\\fI{_escape(item.value)}\\fR" if item.value else ""
        default = f" {default_word}: {item.default}." if item.default else ""
        lines += [".TP", " ".join(filter(None, (names, value))), _format(item.help + default)]
    return [title, *lines] if lines else []


def _list_children(command: CommandHelp, commands: Sequence[CommandHelp], language: str) -> Iterator[tuple[str, str]]:
    for item in commands:
        if item.name in {f"{command.name} {child}" for child in command.subcommands}:
            yield f"`{item.name}`", f"{translate_command_help(item, language).summary}."


def _list_items(title: str, items: Iterable[Sequence[str]]) -> list[str]:
    lines = [line for term, text in items for line in (".TP", f"\\fB{_escape(strip_code(term))}\\fR", _format(text))]
    return [title, *lines] if lines else []


def _list_relatives(command: CommandHelp, commands: Sequence[CommandHelp]) -> Iterator[str]:
    """The parent's page and its siblings', as `envtool(1), envtool-doctor(1)`."""
    slugs = [item.slug for item in commands if item.slug != command.slug]
    yield ", ".join(f"\\fB{_escape(slug)}\\fR(1)" for slug in sorted(slugs))


def _format(text: str) -> str:
    """A line of text: code in bold."""
    pieces = re.split(r"`([^`]+)`", strip_links(text))
    parts = [f"\\fB{_escape(piece)}\\fR" if at % 2 else _escape(piece) for at, piece in enumerate(pieces)]
    return _protect("".join(parts))


def _protect(line: str) -> str:
    """A line that starts with no macro, which these two signs would be there."""
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _escape(text: str) -> str:
    """Text in which nothing is a command of roff, and a hyphen can be pasted."""
    return text.replace("\\", "\\e").replace("-", "\\-")
