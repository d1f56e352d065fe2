"""What a shell script consists of, by tree-sitter's grammar of bash: any text has a tree that marks what is none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


def parse_shell(text: str) -> Node:
    """The root node of a script's syntax tree. Nodes of the type `ERROR` are what is no shell.

    The names of node types are those of tree-sitter-bash; `node_text` gives what stands there.
    """
    return _parser().parse(text.encode("utf-8", "surrogateescape")).root_node


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def node_text(node: Node) -> str:
    """The source text of a node."""
    return (node.text or b"").decode("utf-8", "surrogateescape")


def find_nodes(node: Node, *types: str) -> Iterator[Node]:
    """The nodes of some types below a node, itself included, in their order. Any depth: nothing recurses."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.type in types:
            yield found
        waiting += reversed(found.children)
