"""What `envtool --help` knows, as data: every command with its options, for the pages and the man pages alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from envtool.language import translate

# The markup of rich in docstrings: `[bold]Examples[/bold]`, and brackets that are escaped to be none.
_HEADING = re.compile(r"\[bold\](.*?)\[/bold\]")
_ESCAPED_BRACKET = re.compile(r"\\+\[")
# By the names of Click's types. Every number with a fraction is one of seconds.
_VALUES = {"int": "N", "integer": "N", "float": "SECONDS", "path": "PATH"}


@dataclass(frozen=True)
class Parameter:
    """An option or an argument: how it is written, what it takes, and what it does."""

    names: tuple[str, ...]
    value: str
    help: str
    default: str

    @property
    def usage(self) -> str:
        """As `--output, -o PATH`."""
        return " ".join(filter(None, (", ".join(self.names), self.value)))


@dataclass(frozen=True, kw_only=True)
class CommandHelp:
    """A command: its full name, what its docstring says, and its parameters."""

    name: str
    usage: str
    paragraphs: tuple[str, ...]
    examples: tuple[str, ...]
    arguments: tuple[Parameter, ...]
    options: tuple[Parameter, ...]
    subcommands: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The first sentence or paragraph, without a full stop."""
        return self.paragraphs[0].rstrip(".") if self.paragraphs else ""

    @property
    def slug(self) -> str:
        """The name of its man page and of its page here: `envtool-vendor-add`."""
        return self.name.replace(" ", "-")


def read_commands() -> tuple[CommandHelp, ...]:
    """Every command that help shows, in its order: `envtool`, then each of its commands, then `update-moreh`."""
    from typer.main import get_command

    from envtool.cli.application import app
    from envtool.cli.commands.update_moreh import make_update_moreh_app

    return (*_walk(get_command(app), "envtool"), *_walk(get_command(make_update_moreh_app()), "update-moreh"))


def translate_command_help(command: CommandHelp, language: str) -> CommandHelp:
    """The same command with what it says in a language; names, values and commands stay."""

    def told(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
        return tuple(
            replace(item, help=translate(item.help, language), default=translate(item.default, language))
            for item in parameters
        )

    return replace(
        command,
        paragraphs=tuple(translate(text, language) for text in command.paragraphs),
        examples=tuple(_translate_example(example, language) for example in command.examples),
        arguments=told(command.arguments),
        options=told(command.options),
    )


def _translate_example(example: str, language: str) -> str:
    line, blanks, said = example.partition("   ")
    width = len(said) - len(said.lstrip())
    return f"{line}{blanks}{said[:width]}{translate(said.strip(), language)}" if said else example


# Any: Click's classes, of which Typer has copies of its own in some releases.
def _walk(command: Any, name: str) -> Iterator[CommandHelp]:
    names: Sequence[str] = command.list_commands(None) if hasattr(command, "list_commands") else ()
    children = {child: command.get_command(None, child) for child in names}
    shown = {child: found for child, found in children.items() if not found.hidden}
    yield _describe(command, name, tuple(shown))
    for child, found in shown.items():
        yield from _walk(found, f"{name} {child}")


def _describe(command: Any, name: str, subcommands: tuple[str, ...]) -> CommandHelp:
    paragraphs, examples = _split_help(command.help or "")
    shown = [item for item in command.params if not getattr(item, "hidden", False)]
    arguments = tuple(_read_parameter(item) for item in shown if item.param_type_name == "argument")
    options = tuple(_read_parameter(item) for item in shown if item.param_type_name == "option")
    required = tuple(item.required for item in shown if item.param_type_name == "argument")
    words = [item.value if needed else f"[{item.value}]" for item, needed in zip(arguments, required, strict=True)]
    usage = " ".join([name, "[OPTIONS]", *(["COMMAND …"] if subcommands else []), *words])
    return CommandHelp(
        name=name,
        usage=usage,
        paragraphs=paragraphs,
        examples=examples,
        arguments=arguments,
        options=options,
        subcommands=subcommands,
    )


def _split_help(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paragraphs of a docstring, each on one line, and its examples, each as it is."""
    before, *after = _HEADING.split(_ESCAPED_BRACKET.sub("[", text.replace("\b", "")))
    paragraphs = tuple(" ".join(part.split()) for part in before.split("\n\n") if part.strip())
    examples = tuple(line.strip() for line in "\n".join(after[1::2]).splitlines() if line.strip())
    return paragraphs, examples


def _read_parameter(item: Any) -> Parameter:
    is_flag = bool(getattr(item, "is_flag", False))
    is_argument = item.param_type_name == "argument"
    return Parameter(
        names=() if is_argument else (*item.opts, *item.secondary_opts),
        value="" if is_flag else _find_value(item, is_argument),
        help=_ESCAPED_BRACKET.sub("[", item.help or ""),
        default=_find_default(item, is_flag),
    )


def _find_value(item: Any, is_argument: bool) -> str:
    if item.metavar:
        return str(item.metavar)
    choices = getattr(item.type, "choices", None)
    if choices:
        return "|".join(map(str, choices))
    if is_argument:
        return str(item.name).upper().replace("_", "-") + ("…" if item.nargs == -1 else "")
    return _VALUES.get(item.type.name.removesuffix(" range"), "TEXT")


def _find_default(item: Any, is_flag: bool) -> str:
    """What help would show as the default; empty where there is none, or where the help text says it itself."""
    if isinstance(item.show_default, str):
        return item.show_default
    is_none = is_flag or item.required or item.show_default is False or item.default in (None, (), [])
    return "" if is_none else str(item.default)
