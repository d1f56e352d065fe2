"""What Typer and argparse say of their own, in the person's language: errors of a command line, and help.

Typer, and the copy of Click in it, make most of these texts without gettext. So finished ones are read by the templates
below, and told by our catalog; one that no template fits stays English. A test has Typer say each, so that a release
with other words is noticed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from envtool.language import ENGLISH, tell, translate

# Of the texts that begin alike, the longer one first. A `{message}` is such a text itself.
TEMPLATES = (
    "Invalid value for {hint}: {message}",
    "Invalid value: {message}",
    "Missing argument {hint}. Choose from: {choices}",
    "Missing argument {hint}.",
    "Missing option {hint}. Choose from: {choices}",
    "Missing option {hint}.",
    "No such option: {name} (Possible options: {options})",
    "No such option: {name}",
    "No such command {name}. {message}",
    "No such command {name}.",
    "Did you mean {names}?",
    "Option {name} requires an argument.",
    "Option {name} requires {count} arguments.",
    "Option {name} does not take a value.",
    "Argument {name} takes {count} values.",
    "Got unexpected extra argument(s) ({arguments})",
    "Got unexpected extra argument ({arguments})",
    "Got unexpected extra arguments ({arguments})",
    "{value} is not a valid boolean. Recognized values: {values}",
    "{value} is not a valid {kind}.",
    "{value} is not in the range {range}.",
    "{value} is not one of {choices}.",
    "File {path} does not exist.",
    "Directory {path} does not exist.",
    "Path {path} does not exist.",
    "File {path} is a directory.",
    "Directory {path} is a file.",
    "Path {path} is not readable.",
)
# Words that stand by themselves: those that Typer asks gettext for, and those that are given to it here.
WORDS = (
    # What argparse says, for hac-guard.
    "%(prog)s: error: %(message)s\n",
    "argument %(argument_name)s: %(message)s",
    "expected one argument",
    "invalid choice: %(value)r (choose from %(choices)s)",
    "options",
    "positional arguments",
    "show this help message and exit",
    "the following arguments are required: %s",
    "unrecognized arguments: %s",
    "usage: ",
    # Typer's.
    "(deprecated) ",
    "Aborted!",
    "Aborted.",
    "Arguments",
    "Commands",
    "Error",
    "Missing command.",
    "No such command {name!r}.",
    "Options",
    "Show this message and exit.",
    "Try [blue]'{command_path} {help_option}'[/] for help.",
    "Usage: ",
    "[default: {}]",
    "[env var: {}]",
    "[required]",
    "default: {default}",
    "env var: {var}",
    # The types of values.
    "float",
    "float range",
    "int",
    "int range",
    "integer",
    "required",
)


def translate_error(text: str, language: str | None = None) -> str:
    """What is wrong with a command line, as Typer says it, in the process's language or `language`."""
    for template, pattern in _compile_patterns():
        found = pattern.fullmatch(text.strip())
        if found is not None:
            parts = found.groupdict()
            if "message" in parts:
                parts["message"] = translate_error(parts["message"], language)
            if "kind" in parts:
                parts["kind"] = translate(parts["kind"], language)
            return translate(tell(template, **parts), language)
    # A text of our own commands, or one that nobody knows.
    return translate(text, language)


@cache
def _compile_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((template, _compile(template)) for template in TEMPLATES)


def _compile(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    text = "".join(f"(?P<{piece}>.+)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces))
    return re.compile(text.replace(r"\ ", r"\s+"), re.DOTALL)


def translate_library(language: str) -> None:
    """Have Typer's errors and usage lines be in a language other than English. After Typer is imported."""
    if language == ENGLISH:
        return
    # Typer has its own copy of Click in some releases.
    package = "typer._click" if "typer._click.exceptions" in sys.modules else "click"
    for kind in list(vars(sys.modules[f"{package}.exceptions"]).values()):
        if isinstance(kind, type) and "format_message" in vars(kind):
            setattr(kind, "format_message", _make_told(vars(kind)["format_message"]))  # noqa: B010  # another's method
    formatter = sys.modules[f"{package}.formatting"].HelpFormatter
    formatter.write_usage = _make_usage(formatter.write_usage)


def _make_told(say: Callable[[Any], str]) -> Callable[[Any], str]:
    def format_message(self: Any) -> str:
        return translate_error(say(self))

    return format_message


def _make_usage(write: Callable[..., None]) -> Callable[..., None]:
    def write_usage(self: Any, prog: str, args: str = "", prefix: str | None = None) -> None:
        word = translate("Usage: ")
        _colour_usage(word)
        write(self, prog, args, word if prefix is None else prefix)

    return write_usage


def _colour_usage(word: str) -> None:
    """Have the word for usage get the colour that Typer gives to its own, where it draws with rich."""
    drawing = sys.modules.get("typer.rich_utils")
    patterns = drawing.OptionHighlighter.highlights if drawing is not None else None
    pattern = f"(?P<usage>{re.escape(word)})"
    if patterns is not None and pattern not in patterns:
        patterns.append(pattern)
