"""A manual page for each command, in the macros of man(7) that man-db, mandoc and groff read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from docs.generate.tables import read_rows, strip_code, strip_links

if TYPE_CHECKING:
    from docs.generate.command_tree import CommandHelp, Parameter

_SITE = "https://hac-envtool.github.io/hac-envtool/"


def render_man_pages(commands: Sequence[CommandHelp], version: str) -> dict[str, str]:
    """The text of each page by its file's name, as `envtool-doctor.1`. No date: the same program, the same bytes."""
    return {f"{command.slug}.1": render_man_page(command, commands, version) for command in commands}


def render_man_page(command: CommandHelp, commands: Sequence[CommandHelp], version: str) -> str:
    """The page of one command."""
    lines = [f'.TH "{command.slug.upper()}" "1" "" "hac-envtool {version}" "User Commands"']
    lines += [".SH NAME", f"{_escape(command.slug)} \\- {_format(command.summary)}"]
    lines += [".SH SYNOPSIS", f"\\fB{_escape(command.name)}\\fR{_escape(command.usage.removeprefix(command.name))}"]
    lines += [".SH DESCRIPTION"]
    for paragraph in command.paragraphs:
        lines += [".PP", _format(paragraph)]
    for title, parameters in (("ARGUMENTS", command.arguments), ("OPTIONS", command.options)):
        lines += _list_parameters(title, parameters)
    lines += _list_commands(command, commands)
    if command.examples:
        lines += [".SH EXAMPLES", ".nf", *(_protect(_escape(line)) for line in command.examples), ".fi"]
    if " " not in command.name:
        lines += _list_items("EXIT STATUS", (row[:2] for row in read_rows("reference/exit-statuses.md")))
        lines += _list_items("ENVIRONMENT", (row[:2] for row in read_rows("reference/variables.md")))
    lines += [".SH SEE ALSO", *_list_relatives(command, commands), ".PP", _escape(_SITE)]
    return "\n".join(lines) + "\n"


def _list_parameters(title: str, parameters: Iterable[Parameter]) -> list[str]:
    lines = []
    for item in parameters:
        names = ", ".join(f"\\fB{_escape(name)}\\fR" for name in item.names)
        value = f"\\fI{_escape(item.value)}\\fR" if item.value else ""
        default = f" Default: {item.default}." if item.default else ""
        lines += [".TP", " ".join(filter(None, (names, value))), _format(item.help + default)]
    return [f".SH {title}", *lines] if lines else []


def _list_commands(command: CommandHelp, commands: Sequence[CommandHelp]) -> list[str]:
    children = [item for item in commands if item.name in {f"{command.name} {child}" for child in command.subcommands}]
    return _list_items("COMMANDS", ((f"`{item.name}`", item.summary + ".") for item in children))


def _list_items(title: str, items: Iterable[Sequence[str]]) -> list[str]:
    lines = [line for term, text in items for line in (".TP", f"\\fB{_escape(strip_code(term))}\\fR", _format(text))]
    return [f".SH {title}", *lines] if lines else []


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
