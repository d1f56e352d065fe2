"""The constants that an expression may come to, each with how it stands that it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.scan.python.standing import Standing, all_of, negate

if TYPE_CHECKING:
    from envtool.scan.python.conditions import Conditions


def list_values(
    node: ast.expr, conditions: Conditions, standing: Standing = Standing.HOLDS
) -> Iterator[tuple[ast.expr, Standing]]:
    """The expressions that a conditional expression, or an `or`, chooses from."""
    match node:
        case ast.IfExp():
            judged = conditions.judge(node.test)
            yield from list_values(node.body, conditions, all_of([standing, judged]))
            yield from list_values(node.orelse, conditions, all_of([standing, negate(judged)]))
        case ast.BoolOp():
            for item in node.values:
                yield from list_values(item, conditions, standing)
        case _:
            yield node, standing


def read_text_constant(node: ast.expr) -> str | None:
    """The text of a constant."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def keyword(call: ast.Call, *names: str) -> ast.expr | None:
    """The value of the first of the keywords that a call has."""
    return next((item.value for name in names for item in call.keywords if item.arg == name), None)


def called_name(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
