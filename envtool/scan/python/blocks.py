"""How blocks of statements end, and which names a condition speaks of."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from envtool.scan.python.standing import Standing, all_of, negate
from envtool.scan.python.tree import walk

if TYPE_CHECKING:
    from envtool.scan.python.module import Module


def list_survivors(node: ast.If, module: Module) -> list[Standing] | None:
    """How the ways stand on which a condition is left, where not all of its blocks are left; else `None`."""
    judged = module.conditions.judge(node.test)
    survivors: list[Standing] = []
    ended = ends_block(node.body)
    if not ended:
        survivors.append(judged)
    match node.orelse:
        case [ast.If() as inner]:
            rest = list_survivors(inner, module)
            ended = ended or rest is not None
            survivors += [all_of([negate(judged), item]) for item in rest or [Standing.HOLDS]]
        case _ if ends_block(node.orelse):
            ended = True
        case _:
            survivors.append(negate(judged))
    return survivors if ended and survivors else None


def ends_block(body: Sequence[ast.stmt]) -> bool:
    """Whether a block is left for good at its end."""
    match body[-1] if body else None:
        case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
            return True
        case ast.Expr(value=ast.Call(func=function)):
            return ast.unparse(function) in {"sys.exit", "exit", "quit", "os._exit", "pytest.skip"}
        case ast.If(body=inner, orelse=other):
            return ends_block(inner) and ends_block(other)
        case _:
            return False


def refuses_to_run(body: Sequence[ast.stmt]) -> bool:
    """Whether a handler ends the program, rather than only its function."""
    return ends_block(body) and not isinstance(body[-1], ast.Return | ast.Continue | ast.Break)


def list_condition_names(test: ast.expr) -> frozenset[str]:
    """The names that a condition speaks of, and the texts."""
    names = {item.id for item in walk(test) if isinstance(item, ast.Name)}
    names |= {item.attr for item in walk(test) if isinstance(item, ast.Attribute)}
    # `"xformers" in sys.modules`, `find_spec("xformers")`.
    names |= {item.value for item in walk(test) if isinstance(item, ast.Constant) and isinstance(item.value, str)}
    return frozenset(names)
