"""The values of a shell's variables, and what they make of a word: quotes, `$NAME`, `${NAME:-…}`, `"$@"`, arrays, `~`.

Source: the POSIX shell's "Word Expansions", and bash's arrays. What a program would have to compute, `$(…)`, is empty,
but for a few commands that scripts find their own folder by, and for conda's hook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from posixpath import normpath

# What `eval "$(conda shell.bash hook)"` is given to evaluate, and behind it the program that wrote it.
CONDA_HOOK = "conda-hook:"
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?:\[0\])?(?::?[-+=]([^}]*)|(%%?|##?)([^}]*))?\}|([A-Za-z_]\w*|[0-9]|[-?#]))")
_LIST = re.compile(r"\$(?:([@*])|\{([@*])(?::(\d+))?\}|\{(\w+)\[[@*]\]\})")
_COMPUTED = re.compile(r"\$\([^()]*(?:\([^()]*\)[^()]*)*\)|`[^`]*`")
# The pieces of a word: in single quotes, in double quotes, escaped, or bare.
_PIECE = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)|([^'\"\\]+)", re.DOTALL)
_ESCAPED = re.compile(r"\\([$`\"\\])")
_ARGUMENT = re.compile(r"\$(?:[0-9@*#]|\{[0-9@*#])")
_FOLDER_OF = re.compile(r"(?:CDPATH=\s+)?(?:dirname|cd)\s+(?:-\S+\s+)*(\S+)(.*)", re.DOTALL)
_REAL_PATH = re.compile(r"(?:realpath|readlink\s+-\S+)\s+(\S+)")
_HOOK = re.compile(r"(\S*(?:conda|mamba|MAMBA|CONDA)\S*)\s.*\bhook\b.*", re.DOTALL)


@dataclass
class Scope:
    """A shell's variables. Those in `marked` are given to the programs that it starts.

    `special` are those that only the shell sets, such as `$-`. `script` is the file that is read, in `folder`.
    `knows_arguments`: whether `arguments` are what the script is really started with.
    """

    values: dict[str, str]
    arguments: list[str]
    marked: set[str]
    arrays: dict[str, list[str]] = field(default_factory=dict)
    exports_all: bool = False
    special: dict[str, str] = field(default_factory=lambda: {"-": "hB", "?": "0"})
    script: str = ""
    folder: str = "/"
    knows_arguments: bool = True

    @classmethod
    def create(cls, variables: Mapping[str, str], arguments: Sequence[str]) -> Scope:
        """The scope of a program that starts with these variables and words."""
        return cls(dict(variables), list(arguments), set(variables))

    def copy(self) -> Scope:
        """What a subshell starts with."""
        arrays = {name: list(words) for name, words in self.arrays.items()}
        return replace(
            self, values=dict(self.values), arguments=list(self.arguments), marked=set(self.marked), arrays=arrays
        )

    def has(self, name: str) -> bool:
        """Whether a variable is set."""
        return name in self.values or name in self.arrays

    def get(self, name: str) -> str:
        """A variable's value, or that of a number's argument; empty where there is none."""
        if name in self.special:
            return self.special[name]
        if name == "#":
            return str(len(self.arguments))
        if name in {"0", "BASH_SOURCE"}:
            return self.script
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
    if not source.startswith("'"):
        # Before quotes are looked at: those inside of `$(…)` are not the word's own.
        source = _COMPUTED.sub(lambda found: _compute(found[0], scope), source)
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


def is_computed(source: str, scope: Scope) -> bool:
    """Whether a word's value is not known: a program has to compute it, or whoever starts the script says it."""
    if source.startswith("'"):
        return False
    if not scope.knows_arguments and _ARGUMENT.search(source):
        return True
    return any(not _compute(found[0], scope) for found in _COMPUTED.finditer(source))


def _compute(command: str, scope: Scope) -> str:
    """What a command in `$(…)` prints, where that is known; else nothing."""
    text = command[2:-1].strip() if command.startswith("$") else command[1:-1].strip()
    text = re.sub(r"\s+\d?>\s*\S+", "", _COMPUTED.sub(lambda found: _compute(found[0], scope), text))
    if text == "pwd":
        return scope.folder
    if text in {"id -u", "id -ru"} and scope.get("HOME") == "/root":
        return "0"
    for pattern in (_FOLDER_OF, _REAL_PATH, _HOOK):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        value = "".join(expand_words(found[1], scope))
        if pattern is _HOOK:
            return f"{CONDA_HOOK}{value}"
        path = normpath(f"{scope.folder}/{value}" if value and not value.startswith("/") else value or "/")
        if pattern is _REAL_PATH or text.partition(" ")[0] in {"cd", "CDPATH="}:
            # `cd … && pwd`
            return path if pattern is _REAL_PATH or "pwd" in found[2] else ""
        return path.rpartition("/")[0] or "/"
    return ""


def _read_piece(piece: re.Match[str], scope: Scope) -> str:
    if piece[1] is not None:
        return piece[1]
    if piece[2] is not None:
        return _ESCAPED.sub(r"\1", fill_variables(piece[2], scope))
    if piece[3] is not None:
        return "" if piece[3] == "\n" else piece[3]
    return fill_variables(piece[4], scope)


def fill_variables(text: str, scope: Scope) -> str:
    """`$NAME`, `${NAME}`, `${NAME:-…}`, `${NAME:+…}` and `${NAME%…}` filled in."""

    def fill(match: re.Match[str]) -> str:
        name = match[1] or match[5]
        value = scope.get(name)
        if match[3] is not None:
            return _cut(value, match[3], match[4])
        if match[2] is None:
            return value
        is_plus = "+" in match[0][len(name) + 2 :][:2]
        if bool(value) == is_plus:
            return _VARIABLE.sub(fill, match[2])
        return "" if is_plus else value

    return _VARIABLE.sub(fill, _LIST.sub(lambda _found: " ".join(scope.arguments), _COMPUTED.sub("", text)))


def _cut(value: str, operator: str, pattern: str) -> str:
    """`${NAME%…}` takes the shortest end away that matches, `%%` the longest; `#` and `##` take a beginning."""
    lengths = range(len(value) + 1) if len(operator) == 1 else range(len(value), -1, -1)
    for length in lengths:
        piece = value[len(value) - length :] if operator[0] == "%" else value[:length]
        if fnmatchcase(piece, pattern):
            return value[: len(value) - length] if operator[0] == "%" else value[length:]
    return value
