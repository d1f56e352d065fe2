"""Walks syntax trees faster than `ast.walk` and `ast.NodeVisitor`, which look at every field of every node."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

# Fields that hold names, numbers and operators, never an expression or a statement.
_PLAIN = frozenset(
    [
        "arg",
        "asname",
        "attr",
        "conversion",
        "ctx",
        "id",
        "is_async",
        "kind",
        "level",
        "module",
        "op",
        "ops",
        "simple",
        "type_comment",
        "type_ignores",
    ]
)


_fields: dict[type[ast.AST], tuple[str, ...]] = {ast.Constant: (), ast.Name: ()}


def _list_fields(kind: type[ast.AST]) -> tuple[str, ...]:
    fields = _fields.get(kind)
    if fields is None:
        fields = _fields[kind] = tuple(name for name in kind._fields if name not in _PLAIN)
    return fields


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree in the order of `ast.walk`, but for contexts and operators."""
    todo = deque([tree])
    while todo:
        node = todo.popleft()
        for name in _list_fields(type(node)):
            value = getattr(node, name, None)
            if isinstance(value, list):
                todo.extend(item for item in value if isinstance(item, ast.AST))
            elif isinstance(value, ast.AST):
                todo.append(value)
        yield node


class TreeVisitor(ast.NodeVisitor):
    """Like `ast.NodeVisitor`, but for contexts and operators, which it passes over."""

    # Of each class its own. Bound methods would keep a visitor, and the whole tree with it, until the next collection.
    _visitors: ClassVar[dict[type[ast.AST], Callable[[Any, Any], None]]] = {}

    def __init_subclass__(cls) -> None:
        cls._visitors = {}

    def visit(self, node: ast.AST) -> None:
        """Call `visit_CLASS` for a node of that class, or `generic_visit`."""
        kind = type(node)
        visitor = self._visitors.get(kind)
        if visitor is None:
            visitor = self._visitors[kind] = getattr(type(self), f"visit_{kind.__name__}", type(self).generic_visit)
        visitor(self, node)

    def generic_visit(self, node: ast.AST) -> None:
        """Visit all nodes below one."""
        for name in _list_fields(type(node)):
            value = getattr(node, name, None)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self.visit(item)
            elif isinstance(value, ast.AST):
                self.visit(value)
