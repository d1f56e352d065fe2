"""What help says, in the language of whoever reads it: the program's own texts, and those of Typer and Click."""

from __future__ import annotations

import inspect
import os
import re
import sys
from typing import Any

from envtool.language import DOMAIN, ENGLISH, FOLDER, get_language, translate

_HEADING = re.compile(r"\[bold\](.*)\[/bold\]")
# A command, and after at least two blanks what it does.
_EXAMPLE = re.compile(r"( +\S(?:.*?\S)?  +)(\S.*)")


def prepare_libraries() -> None:
    """Have Typer and Click take their texts from our catalog. Before they are imported: some are made then."""
    language = get_language()
    if language == ENGLISH:
        return
    import gettext

    gettext.bindtextdomain(DOMAIN, FOLDER)
    gettext.textdomain(DOMAIN)
    # gettext looks at this one first, and knows nothing of HAC_LANG.
    os.environ["LANGUAGE"] = language
    if len(sys.argv) < 3 or not {"-h", "--help"}.isdisjoint(sys.argv):
        _mend_wrapping()


def _mend_wrapping() -> None:
    """Have rich 15 take a blank at the end of a full line away where the line has Korean.

    It counts characters there and columns elsewhere, so that the last word of such a line is cut.
    """
    from rich.text import Text

    def strip_end(text: Text, size: int) -> None:
        while text.cell_len > size and text.plain[-1].isspace():
            text.right_crop(1)

    setattr(Text, "rstrip_end", strip_end)  # noqa: B010  # it is another's method


# Any: Click's classes, of which Typer has copies of its own in some releases.
def localize_command(command: Any) -> Any:
    """The command with its help in the person's language: its paragraphs, and what it says of its parameters."""
    if get_language() == ENGLISH:
        return command
    command.help = command.help and translate_help(command.help)
    command.epilog = command.epilog and translate(command.epilog)
    for parameter in command.params:
        text = getattr(parameter, "help", None)
        if text:
            parameter.help = _translate_paragraph(text)
        if isinstance(getattr(parameter, "show_default", None), str):
            parameter.show_default = translate(parameter.show_default)
    ask = command.get_help_option
    # The option that Typer adds by itself, when it is asked for it.
    command.get_help_option = lambda context: _localize_option(ask(context))
    for child in getattr(command, "commands", {}).values():
        localize_command(child)
    return command


def _localize_option(option: Any) -> Any:
    if option is not None and option.help:
        option.help = translate(option.help)
    return option


def translate_help(text: str) -> str:
    """A docstring with each of its paragraphs translated; of an example, what is said beside the command."""
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(_translate_part(part) for part in parts)


def _translate_part(text: str) -> str:
    if not text.startswith(" "):
        return _translate_paragraph(text)
    example = _EXAMPLE.fullmatch(text)
    return f"{example[1]}{translate(example[2])}" if example is not None else text


def _translate_paragraph(text: str) -> str:
    heading = _HEADING.fullmatch(text.strip())
    if heading is not None:
        return f"[bold]{translate(heading[1])}[/bold]"
    # rich takes brackets for markup; the texts of the catalog have them as they are read.
    plain = " ".join(text.split()).replace("\\[", "[")
    translated = translate(plain)
    return text if translated == plain else translated.replace("[", "\\[")
