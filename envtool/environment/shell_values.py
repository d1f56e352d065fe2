"""The values of a shell's variables, and what they make of a word: quotes, `$NAME`, `${NAME:-…}`, `"$@"`, arrays, `~`.

Source: the POSIX shell's "Word Expansions", and bash's arrays. What a program would have to compute, `$(…)`, is empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-+=]([^}]*))?\}|(\w+))")
_LIST = re.compile(r"\$(?:([@*])|\{([@*])(?::(\d+))?\}|\{(\w+)\[[@*]\]\})")
_COMPUTED = re.compile(r"\$\([^()]*(?:\([^()]*\)[^()]*)*\)|`[^`]*`")
# The pieces of a word: in single quotes, in double quotes, escaped, or bare.
_PIECE = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)|([^'\"\\]+)", re.DOTALL)
_ESCAPED = re.compile(r"\\([$`\"\\])")


@dataclass
class Scope:
    """A shell's variables. Those in `marked` are given to the programs that it starts."""

    values: dict[str, str]
    arguments: list[str]
    marked: set[str]
    arrays: dict[str, list[str]] = field(default_factory=dict)
    exports_all: bool = False

    @classmethod
    def create(cls, variables: Mapping[str, str], arguments: Sequence[str]) -> Scope:
        """The scope of a program that starts with these variables and words."""
        return cls(dict(variables), list(arguments), set(variables))

    def copy(self) -> Scope:
        """What a subshell starts with."""
        arrays = {name: list(words) for name, words in self.arrays.items()}
        return Scope(dict(self.values), list(self.arguments), set(self.marked), arrays, self.exports_all)

    def get(self, name: str) -> str:
        """A variable's value, or that of a number's argument; empty where there is none."""
        if name.isdigit():
            return self.arguments[int(name) - 1] if 0 < int(name) <= len(self.arguments) else ""
        return self.values.get(name) or next(iter(self.arrays.get(name, ())), "")

    def set(self, name: str, value: str, *, is_export: bool = False) -> None:
        """Assign a variable."""
        self.values[name] = value
        if is_export or self.exports_all:
            self.marked.add(name)

    def export(self, name: str) -> None:
        """Give a variable to programs from now on."""
        self.marked.add(name)

    def unset(self, name: str) -> None:
        """Forget a variable."""
        self.values.pop(name, None)
        self.arrays.pop(name, None)
        self.marked.discard(name)

    def exported(self) -> dict[str, str]:
        """What a program gets."""
        return {name: value for name, value in self.values.items() if name in self.marked}


def expand_words(source: str, scope: Scope) -> list[str]:
    """The words that one word of a script becomes: one, but for lists such as `"$@"`."""
    bare = source[1:-1] if len(source) > 1 and source[0] == source[-1] == '"' else source
    found = _LIST.fullmatch(bare)
    if found is not None:
        if found[4]:
            return list(scope.arrays.get(found[4], ()))
        return scope.arguments[max(int(found[3] or 1) - 1, 0) :]
    if source == "~" or source.startswith("~/"):
        source = scope.get("HOME") + source[1:]
    text = "".join(_read_piece(piece, scope) for piece in _PIECE.finditer(source))
    return [text] if text or source[:1] in {"'", '"'} else []


def _read_piece(piece: re.Match[str], scope: Scope) -> str:
    if piece[1] is not None:
        return piece[1]
    if piece[2] is not None:
        return _ESCAPED.sub(r"\1", fill_variables(piece[2], scope))
    if piece[3] is not None:
        return "" if piece[3] == "\n" else piece[3]
    return fill_variables(piece[4], scope)


def fill_variables(text: str, scope: Scope) -> str:
    """`$NAME`, `${NAME}`, `${NAME:-…}` and `${NAME:+…}` filled in."""

    def fill(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        value = scope.get(name)
        if match[2] is None:
            return value
        is_plus = "+" in match[0][len(name) + 2 :][:2]
        if bool(value) == is_plus:
            return _VARIABLE.sub(fill, match[2])
        return "" if is_plus else value

    return _VARIABLE.sub(fill, _LIST.sub(lambda _found: " ".join(scope.arguments), _COMPUTED.sub("", text)))
