"""Reads a `try` around imports: what its handlers forgive, and what they say is there instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from envtool.scan.python.tree import walk

if TYPE_CHECKING:
    from envtool.scan.python.module import Attempt

_TOLERATED = frozenset(
    {
        "ImportError",
        "ModuleNotFoundError",
        "Exception",
        "BaseException",
        "AttributeError",
        "RuntimeError",
        "OSError",
        "NameError",
    }
)


def forgives_failure(handler: ast.ExceptHandler) -> bool:
    """Whether a handler is for what a missing library raises."""
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in _TOLERATED for kind in kinds)


def gather_flags(attempt: Attempt, node: ast.Try | ast.TryStar) -> None:
    """What a `try` binds and sets: the names of its imports, and the flags of its blocks."""
    for item in walk(as_module(node.body)):
        if isinstance(item, ast.Import | ast.ImportFrom):
            attempt.names |= {(alias.asname or alias.name).partition(".")[0] for alias in item.names}
    handlers = [statement for handler in node.handlers for statement in handler.body]
    attempt.replaced |= set(_list_replacements(handlers))
    for body, is_handler in ((node.body, False), (node.orelse, False), (handlers, True)):
        for item in walk(as_module(body)):
            match item:
                case ast.Assign(targets=targets):
                    for target in targets:
                        attempt.flags |= {part.id for part in walk(target) if isinstance(part, ast.Name)}
                        attempt.flags |= {part.attr for part in walk(target) if isinstance(part, ast.Attribute)}
                    attempt.falls_back |= is_handler
                case ast.Import() | ast.ImportFrom() | ast.FunctionDef(name=_) | ast.ClassDef(name=_) | ast.Return():
                    attempt.falls_back |= is_handler
                case ast.Pass():
                    attempt.falls_back |= is_handler and len(handlers) == 1
                case _:
                    pass


def _list_replacements(statements: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that a handler gives something else to; `None` or `False` is nothing to go on with."""
    for item in statements:
        match item:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in names)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not isinstance(value, ast.Constant):
                yield name
            case _:
                pass


def as_module(body: Sequence[ast.stmt]) -> ast.Module:
    """Statements as one tree."""
    return ast.Module(list(body), [])
