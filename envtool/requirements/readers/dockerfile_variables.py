"""What ARG and ENV of a Dockerfile set (Docker documentation, "Dockerfile reference"). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from envtool.requirements.readers.shell_words import Word, WordReader
from envtool.shell_grammar import find_nodes, parse_shell


def assign(
    value: str,
    variables: dict[str, str | None],
    known: Mapping[str, str | None],
    *,
    is_default: bool = False,
    given: Mapping[str, str] | None = None,
) -> None:
    """Set what an instruction does; `given` wins over what it says, and with `is_default` a name alone is known's."""
    for word in _split_assignments(value):
        name, separator, text = word.partition("=")
        if given is not None and name in given:
            variables[name] = given[name]
        elif separator:
            expanded = expand_text(text, known)
            variables[name] = expanded.text if expanded.is_known else None
        elif is_default:
            variables[name] = known.get(name)


def declare_arguments(
    value: str,
    variables: dict[str, str | None],
    known: Mapping[str, str | None],
    given: Mapping[str, str],
    environment: Collection[str],
) -> None:
    """Set what ARG does in a stage, and in those that start from it: nothing where ENV has set that name."""
    declared: dict[str, str | None] = {}
    assign(value, declared, {**known, **variables}, is_default=True, given=given)
    variables.update({name: text for name, text in declared.items() if name not in environment})


def list_assigned(value: str) -> set[str]:
    """The names that an instruction sets."""
    return {word.partition("=")[0] for word in _split_assignments(value)}


def _split_assignments(value: str) -> list[str]:
    """`NAME=value …`, with quotes kept for what expands them, or the old `NAME value`."""
    found = re.findall(r"""\w+=(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'])*|\S+""", value.replace("\n", " "))
    if found and "=" not in found[0] and len(found) > 1:
        name, _blank, text = value.strip().partition(" ")
        return [f"{name}={text.strip()}"]
    return found


def expand_text(text: str, variables: Mapping[str, str | None]) -> Word:
    """A value of an instruction, with the variables in it."""
    reader = WordReader(dict(variables), lambda _node: None)
    node = next(find_nodes(parse_shell(f"x={text}"), "variable_assignment"), None)
    value = node.child_by_field_name("value") if node is not None else None
    return reader.join(value) if value is not None else Word(text if "$" not in text else "", "$" not in text)
