"""Judges syntax, names and parameters that are newer than the vendor torch's Python."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.scan.kinds import ScanKind
from envtool.scan.newer_python import METHODS, read_newer_names
from envtool.scan.python.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envtool.scan.python.module import Module

_GENERIC = frozenset({"list", "dict", "tuple", "set", "frozenset", "type"})
# Classes of the standard library that took `[...]` in 3.9 (PEP 585).
_GENERIC_MODULES = ("collections.", "contextlib.Abstract", "re.Match", "re.Pattern", "queue.", "os.PathLike")
_TYPES = frozenset({"int", "str", "float", "bool", "bytes", "complex", "object", *_GENERIC})
_FUTURE = "from __future__ import annotations"
_BUILTINS = frozenset(vars(builtins))
_Python = tuple[int, int]


def judge_statement(module: Module, node: ast.stmt) -> None:
    """Statements that are new: `match`, `except*`, `type X = ...`, several contexts in brackets."""
    match node:
        case ast.Match():
            _emit(module, node, tell("match statement"), (3, 10))
        case ast.TryStar():
            _emit(module, node, "except*", (3, 11))
        case ast.With(items=[first, _, *_]) | ast.AsyncWith(items=[first, _, *_]) if first.optional_vars is not None:
            if _is_in_brackets(module.lines, node, first):
                _emit(module, node, tell("several contexts in brackets"), (3, 9))
        case _:
            # `type X = ...` and `class X[T]` are there where envtool's own Python reads them.
            if type(node).__name__ == "TypeAlias" or getattr(node, "type_params", None):
                _emit(module, node, tell("type parameters"), (3, 12))


def _is_in_brackets(lines: Sequence[str], node: ast.stmt, first: ast.withitem) -> bool:
    """Whether `with (A as a, B as b):` has a bracket around its contexts, rather than one around `A`."""
    if first.context_expr.lineno > node.lineno:
        return True
    line = lines[node.lineno - 1].encode()
    end = lines[(first.context_expr.end_lineno or node.lineno) - 1].encode()[first.context_expr.end_col_offset or 0 :]
    return b"(" in line[node.col_offset : first.context_expr.col_offset] and not end.lstrip().startswith(b")")


def judge_subscript(module: Module, node: ast.Subscript) -> None:
    """`list[int]`, where it is evaluated."""
    if isinstance(node.slice, ast.Tuple) and any(isinstance(item, ast.Starred) for item in node.slice.elts):
        _emit(module, node, tell("star in an index"), (3, 11))
    name = _read_generic(module, node)
    if name is not None:
        # All of a file are told of by the first of them: one cure is that of all.
        is_cured = module.is_annotation
        key = "annotation[...]" if is_cured else "type[...]"
        _emit(module, node, f"{name}[...]", (3, 9), _FUTURE if is_cured else "", key=key)


def _read_generic(module: Module, node: ast.expr) -> str | None:
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return None
    match node.value:
        case ast.Name(id=name) if name in _GENERIC and name not in module.bindings.stored:
            return name
        case ast.Name() | ast.Attribute():
            dotted = module.bindings.resolve(node.value) or ""
            # An item of a dictionary is asked for by a text or a number.
            is_item = isinstance(node.slice, ast.Constant)
            return dotted if dotted.startswith(_GENERIC_MODULES) and not is_item else None
        case _:
            return None


def judge_union(module: Module, node: ast.BinOp) -> None:
    """`int | None`, where it is evaluated, and `{} | {}`."""
    if not isinstance(node.op, ast.BitOr):
        return
    sides = (node.left, node.right)
    if any(isinstance(side, ast.Dict | ast.DictComp) for side in sides):
        _emit(module, node, tell("union of dictionaries"), (3, 9))
    elif module.is_annotation or any(_is_type(module, side) for side in sides):
        _emit(module, node, tell("X | Y between types"), (3, 10), _FUTURE if module.is_annotation else "")


def _is_type(module: Module, node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=None):
            return True
        case ast.Name(id=name):
            return name in _TYPES and name not in module.bindings.stored
        case _:
            return _read_generic(module, node) is not None


def judge_newer_import(module: Module, node: ast.stmt | ast.alias, dotted: str) -> None:
    """A module or a name that is imported."""
    if _is_ours(dotted):
        _judge_name(module, node, dotted)


def judge_newer_name(module: Module, node: ast.Attribute | ast.Name, dotted: str | None) -> None:
    """A name that was imported, or one of Python's own; a method by what it is called."""
    if isinstance(node, ast.Name):
        # What is imported by its own name is judged where it is.
        if dotted is None and node.id in _BUILTINS and node.id not in module.bindings.stored:
            _judge_name(module, node, node.id)
    elif dotted is not None:
        if _is_ours(dotted):
            _judge_name(module, node, dotted)
    elif node.attr in METHODS and METHODS[node.attr] > module.api.python:
        _emit(module, node, node.attr, METHODS[node.attr])


def _judge_name(module: Module, node: ast.AST, dotted: str) -> None:
    since = read_newer_names().find(dotted, module.api.python)
    if since is not None:
        instead = dotted.replace("typing.", "typing_extensions.") if dotted.startswith("typing.") else ""
        _emit(module, node, dotted, since, instead)


def judge_newer_parameters(module: Module, call: ast.Call, dotted: str) -> None:
    """Parameters of the standard library's functions."""
    name = dotted
    if not name and isinstance(call.func, ast.Name) and call.func.id not in module.bindings.stored:
        name = call.func.id if call.func.id in _BUILTINS else ""
    if not name or not (_is_ours(name) or name in _BUILTINS):
        return
    for item in call.keywords:
        since = read_newer_names().find_parameter(name, item.arg, module.api.python) if item.arg else None
        if since is not None:
            _emit(module, item.value, f"{name}({item.arg})", since, tell("leave {name} out", name=item.arg))


def _is_ours(dotted: str) -> bool:
    """Whether the standard library may have it; most names are torch's, or the project's own."""
    return dotted.partition(".")[0] in _STANDARD


_STANDARD = frozenset(
    [
        "argparse",
        "ast",
        "asyncio",
        "base64",
        "bisect",
        "collections",
        "compileall",
        "concurrent",
        "contextlib",
        "dataclasses",
        "datetime",
        "enum",
        "fractions",
        "functools",
        "gc",
        "glob",
        "graphlib",
        "hashlib",
        "importlib",
        "inspect",
        "io",
        "itertools",
        "json",
        "logging",
        "math",
        "multiprocessing",
        "operator",
        "os",
        "pathlib",
        "pprint",
        "queue",
        "random",
        "re",
        "shutil",
        "signal",
        "statistics",
        "string",
        "subprocess",
        "sys",
        "tarfile",
        "tempfile",
        "threading",
        "time",
        "tomllib",
        "traceback",
        "types",
        "typing",
        "unittest",
        "urllib",
        "uuid",
        "warnings",
        "weakref",
        "xml",
        "zipfile",
        "zlib",
        "zoneinfo",
    ]
)


def _emit(module: Module, node: ast.AST, what: str, needed: _Python, instead: str = "", *, key: str = "") -> None:
    if needed <= module.api.python or (key or what) in module.newer:
        return
    # Where a version is asked for, or a failure is forgiven, something else is there.
    attempt = module.attempts[module.attempt] if module.attempt is not None else None
    if module.standing() in {Standing.FAILS, Standing.ABSENT} or (attempt is not None and not attempt.raises):
        return
    # Where one annotation does not do, a hundred do not.
    module.newer.add(key or what)
    major, minor = module.api.python
    message = tell(
        "{what} needs Python {needed}; torch {torch} is for {own}",
        what=what,
        needed=f"{needed[0]}.{needed[1]}",
        torch=module.api.torch,
        own=f"{major}.{minor}",
    )
    module.emit(ScanKind.NEWER_PYTHON, node, what, message, instead)
