"""Words of a shell script as the shell would expand them, as far as that can be told without running anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.shell_grammar import node_text

if TYPE_CHECKING:
    from tree_sitter import Node

_EXPANSION = re.compile(r"\$\{(\w+|[@*])(?:\[[@*0]\])?(?:(:?[-+=?]|%%?|##?|//?)(.*))?\}", re.DOTALL)
# `"$@"` and `"${A[@]}"`, which become as many words as they have.
_ALL = re.compile(r'"\$(?:@|\{@\}|\{\w+\[@\]\})"')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ANSI = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
# What gives a command's output, or `None` where that cannot be told.
ReadOutput = Callable[["Node"], "str | None"]


@dataclass(frozen=True)
class Word:
    """A word after expansion. Where it `is_known` not to its end, `text` has what stands in the script."""

    text: str
    is_known: bool = True


@dataclass(frozen=True)
class WordReader:
    """Expands words. `variables` have `None` for what is set, but not known; `read_output` is for `$(…)`."""

    variables: Mapping[str, str | None]
    read_output: ReadOutput

    def expand(self, node: Node) -> list[Word]:
        """The words that one node becomes: none for an empty variable, several for one with blanks."""
        if node.type in {"simple_expansion", "expansion", "command_substitution"}:
            value = self._value(node)
            if value is None:
                return [Word(node_text(node), False)]
            return [Word(part) for part in value.split()]
        if node.type == "string" and _ALL.fullmatch(node_text(node)) and len(node.named_children) == 1:
            return self.expand(node.named_children[0])
        return [self.join(node)]

    def join(self, node: Node) -> Word:
        """The one word that a node is, without splitting at blanks."""
        match node.type:
            case "word" | "number" | "command_name" | "variable_name" | "heredoc_content" | "string_content":
                if node.type == "command_name" and node.children:
                    return self.join(node.children[0])
                home = self.variables.get("HOME")
                if node.type == "word" and home and re.match(r"~(?:/|$)", node_text(node)):
                    return Word(home.rstrip("/") + _unescape(node_text(node)[1:], is_quoted=False))
                return Word(_unescape(node_text(node), is_quoted=node.type == "string_content"))
            case "raw_string":
                return Word(node_text(node)[1:-1])
            case "ansi_c_string":
                return Word(_ESCAPE.sub(lambda match: _ANSI.get(match[1], match[0]), node_text(node)[2:-1]))
            case "simple_expansion" | "expansion" | "command_substitution":
                value = self._value(node)
                return Word(node_text(node), False) if value is None else Word(value)
            case "string" | "concatenation" | "heredoc_body" | "translated_string":
                return self._join_parts(node)
            case _:
                return Word(node_text(node), not node.children)

    def _join_parts(self, node: Node) -> Word:
        """A node's children and what stands between them: blanks between expansions are no nodes."""
        source = node.text or b""
        parts: list[Word] = []
        position = 0
        for child in node.children:
            start = child.start_byte - node.start_byte
            parts.append(Word(_unescape(source[position:start].decode("utf-8", "replace"), is_quoted=True)))
            if child.type != '"':
                parts.append(self.join(child))
            position = child.end_byte - node.start_byte
        parts.append(Word(source[position:].decode("utf-8", "replace")))
        return Word("".join(part.text for part in parts), all(part.is_known for part in parts))

    def _value(self, node: Node) -> str | None:
        if node.type == "command_substitution":
            found = self.read_output(node)
            return found.rstrip("\n") if found is not None else None
        text = node_text(node)
        if node.type == "simple_expansion":
            return self.variables.get(text[1:])
        match = _EXPANSION.fullmatch(text)
        if match is None:
            return None
        value = self.variables.get(match[1])
        return self._apply(value, match[2], match[3] or "", match[1])

    def _apply(self, value: str | None, operator: str | None, word: str, name: str) -> str | None:
        if operator is None:
            return value
        if operator[0] in "%#/":
            return _cut(value, operator, word) if value is not None else None
        if operator.endswith("+"):
            return self._expand_text(word) if value else ""
        if value or (value == "" and not operator.startswith(":")):
            return value
        if name in self.variables and value is None:
            return None
        # What nothing has set takes the default.
        return self._expand_text(word) if operator[-1] in "-=" else None

    def _expand_text(self, text: str) -> str | None:
        from envtool.shell_grammar import find_nodes, parse_shell

        found = next(find_nodes(parse_shell(f'"{text}"' if '"' not in text else text), "string"), None)
        word = self.join(found) if found is not None else Word(text)
        return word.text if word.is_known else None


def _unescape(text: str, *, is_quoted: bool) -> str:
    if is_quoted:
        return re.sub(r'\\([$`"\\])', r"\1", text.replace("\\\n", ""))
    return _ESCAPE.sub(lambda match: "" if match[1] == "\n" else match[1], text)


def _cut(value: str, operator: str, word: str) -> str | None:
    """`${X%…}`, `${X#…}` and `${X/a/b}` for patterns of plain characters and one star at their open end."""
    if operator[0] == "/":
        old, _slash, new = word.partition("/")
        if re.search(r"[*?\[\\$]", old):
            return None
        return value.replace(old, new, -1 if operator == "//" else 1)
    plain = word[:-1] if operator[0] == "%" else word[1:]
    is_open = word.endswith("*") if operator[0] == "%" else word.startswith("*")
    plain = plain if is_open else word
    if re.search(r"[*?\[\\$]", plain):
        return None
    if not is_open:
        return value.removesuffix(plain) if operator[0] == "%" else value.removeprefix(plain)
    if plain not in value:
        return value
    if operator[0] == "%":
        return value[: value.index(plain)] if operator == "%%" else value[: value.rindex(plain)]
    cut = value.rindex(plain) if operator == "##" else value.index(plain)
    return value[cut + len(plain) :]
