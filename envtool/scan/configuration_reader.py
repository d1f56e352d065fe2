"""Reads YAML and JSON into settings, each with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from envtool.documents import parse_json, parse_toml
from envtool.language import tell

if TYPE_CHECKING:
    from yaml.nodes import Node


# A text, which is kept, or a comment.
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*(?:"|(?=\n)|\Z))|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*(?:"|(?=\n)|\Z))|,(?=\s*[\]}])')
_JSON_KEY = r'"{}"\s*:'
_TOML_KEY = r'(?:^|[{{,.\[]|^\[+.*\.)[ \t]*["\']?{}["\']?[ \t]*[=.\]]'


@dataclass(frozen=True)
class Setting:
    """A scalar, or a mapping or list, of a configuration: its keys from the outermost, its value, its line.

    `first_line` is where a text begins, `lines` where each item of a list does; `mapping` tells one mapping of a file
    from another.
    """

    keys: tuple[str, ...]
    value: Any
    line: int
    first_line: int
    lines: tuple[int, ...] = ()
    mapping: int = 0


class ConfigurationSyntax(Enum):
    """What a configuration is written in. INI is that of tox and setuptools, whose values go on in indented lines."""

    YAML = "YAML"
    JSON = "JSON"
    TOML = "TOML"
    INI = "INI"


def read_configuration(data: bytes, syntax: ConfigurationSyntax) -> Iterator[Setting]:
    """The settings of a file, mappings before what is in them. Raises `ValueError`."""
    text = data.decode("utf-8", "replace")
    match syntax:
        case ConfigurationSyntax.JSON:
            try:
                document = parse_json(_strip_comments(text))
            except ValueError as error:
                raise ValueError(tell("it is no JSON: {error}", error=error)) from None
            yield from _walk_json(document, text, (), [0], _JSON_KEY)
        case ConfigurationSyntax.TOML:
            yield from _walk_json(parse_toml(text), text, (), [0], _TOML_KEY)
        case ConfigurationSyntax.INI:
            yield from _walk_ini(text)
        case _:
            yield from _read_yaml(text)


def _strip_comments(text: str) -> str:
    """JSON with the comments and the trailing commas that editors allow in their settings, without them."""
    plain = _COMMENT.sub(lambda match: match[1] or "\n" * match[0].count("\n"), text)
    return _TRAILING_COMMA.sub(lambda match: match[1] or "", plain)


def _read_yaml(text: str) -> Iterator[Setting]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for document in yaml.compose_all(text, Loader=loader):
            if document is not None:
                yield from _walk_yaml(document, ())
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(tell("it is no YAML: {part}", part=str(error).splitlines()[0])) from None


def _walk_ini(text: str) -> Iterator[Setting]:
    """Sections, keys, and values that go on in the lines behind, each with the number of its first line."""
    section, key = "", ""
    line = first_line = 0
    values: list[str] = []
    for number, row in enumerate([*text.split("\n"), "[]"], 1):
        header = re.match(r"\[(.*)\]", row)
        start = re.match(r"([\w.-]+)\s*[=:]\s*(.*)$", row)
        if header is None and start is None:
            values.append("" if re.match(r"\s*[#;]", row) else row.strip())
            continue
        if key:
            yield Setting((section, key), "\n".join(values), line=line, first_line=first_line, mapping=hash(section))
        key, values = "", []
        if header is not None:
            section = header[1]
        elif start is not None:
            key, values, line, first_line = start[1], [start[2]], number, number


def _walk_yaml(node: Node, keys: tuple[str, ...], depth: int = 0) -> Iterator[Setting]:
    import yaml

    if depth > 50:
        return
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
                inner = (*keys, name)
                yield Setting(
                    inner,
                    _plain(value),
                    line=key.start_mark.line + 1,
                    first_line=_find_first_line(value),
                    lines=tuple(map(_find_first_line, value.value)) if isinstance(value, yaml.SequenceNode) else (),
                    mapping=node.start_mark.index,
                )
                yield from _walk_yaml(value, inner, depth + 1)
        case yaml.SequenceNode():
            for item in node.value:
                yield from _walk_yaml(item, keys, depth + 1)
        case _:
            pass


def _find_first_line(node: Node) -> int:
    """The line that a text begins in: of a block, behind its `|`."""
    is_block = getattr(node, "style", None) in {"|", ">"}
    return int(node.start_mark.line) + 1 + is_block


def _plain(node: Node) -> Any:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [str(item.value) if isinstance(item, yaml.ScalarNode) else "" for item in node.value]
    return None


def _walk_json(value: Any, text: str, keys: tuple[str, ...], cursor: list[int], pattern: str) -> Iterator[Setting]:
    """The settings of a document of JSON or TOML; `pattern` finds a key in the text."""
    if isinstance(value, dict):
        for key, item in value.items():
            match = re.compile(pattern.format(re.escape(key)), re.MULTILINE).search(text, cursor[0])
            if match is not None:
                cursor[0] = match.start()
            line = text.count("\n", 0, cursor[0]) + 1
            plain = None if isinstance(item, dict) else item
            lines = _find_items(item, text, cursor[0]) if isinstance(item, list) else ()
            yield Setting((*keys, key), plain, line=line, first_line=line, lines=lines, mapping=id(value))
            yield from _walk_json(item, text, (*keys, key), cursor, pattern)
    elif isinstance(value, list):
        for item in value:
            yield from _walk_json(item, text, keys, cursor, pattern)


def _find_items(items: list[Any], text: str, start: int) -> tuple[int, ...]:
    """The lines of a list's texts, which stand behind each other; of one that is written otherwise, that of the key."""
    lines = []
    for item in items[:200]:
        at = text.find(json.dumps(item, ensure_ascii=False), start) if isinstance(item, str) else -1
        if at < 0:
            break
        start = at
        lines.append(text.count("\n", 0, start) + 1)
    first = text.count("\n", 0, start) + 1
    return (*lines, *[first] * (len(items) - len(lines)))
