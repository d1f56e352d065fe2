"""Reads YAML and JSON into settings, each with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envtool.documents import parse_json

if TYPE_CHECKING:
    from yaml.nodes import Node


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


def read_configuration(data: bytes, *, is_json: bool) -> Iterator[Setting]:
    """The settings of a file, mappings before what is in them. Raises `ValueError`."""
    text = data.decode("utf-8", "replace")
    if is_json:
        try:
            document = parse_json(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
        except ValueError as error:
            raise ValueError(f"it is no JSON: {error}") from None
        yield from _walk_json(document, text, (), [0])
        return
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for document in yaml.compose_all(text, Loader=loader):
            if document is not None:
                yield from _walk_yaml(document, ())
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is no YAML: {str(error).splitlines()[0]}") from None


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


def _walk_json(value: Any, text: str, keys: tuple[str, ...], cursor: list[int]) -> Iterator[Setting]:
    if isinstance(value, dict):
        for key, item in value.items():
            match = re.compile(rf'"{re.escape(key)}"\s*:').search(text, cursor[0])
            if match is not None:
                cursor[0] = match.start()
            line = text.count("\n", 0, cursor[0]) + 1
            plain = None if isinstance(item, dict) else item
            lines = _find_items(item, text, cursor[0]) if isinstance(item, list) else ()
            yield Setting((*keys, key), plain, line=line, first_line=line, lines=lines, mapping=id(value))
            yield from _walk_json(item, text, (*keys, key), cursor)
    elif isinstance(value, list):
        for item in value:
            yield from _walk_json(item, text, keys, cursor)


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
