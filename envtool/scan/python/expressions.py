"""Reads expressions that conditions are made of: versions, ranks, constants and variables of the environment."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from envtool.scan.libraries import find_library
from envtool.scan.python.standing import Standing
from envtool.scan.python.tree import walk

if TYPE_CHECKING:
    from envtool.scan.python.bindings import Bindings

_AVAILABLE = re.compile(r"_?(?:is|has|check)_(\w+?)(?:_\d)?_(?:available|installed|enabled)")
_NEWER_FEATURES = re.compile(
    r"greater|version|available|compil|dynamo|sdpa|flex|flash|fx|fsdp|dtensor|bf16|fp8|supports"
)
_SIGNS: dict[object, ast.cmpop] = {
    ">=": ast.GtE(),
    ">": ast.Gt(),
    "<=": ast.LtE(),
    "<": ast.Lt(),
    "==": ast.Eq(),
    "!=": ast.NotEq(),
    "ge": ast.GtE(),
    "gt": ast.Gt(),
    "le": ast.LtE(),
    "lt": ast.Lt(),
}
_SHORT_NAMES = frozenset({"bnb", "flash_attention", "xformer", "nvml", "gptq", "auto_awq", "liger"})


def read_version(node: ast.expr) -> Version | None:
    """The version that an expression writes as a text, a number or a tuple."""
    for item in walk(node):
        if isinstance(item, ast.Tuple | ast.List):
            parts = [read_constant(part) for part in item.elts]
            if parts and all(type(part) is int and part >= 0 for part in parts):
                return Version(".".join(map(str, parts)))
        if isinstance(item, ast.Constant) and isinstance(item.value, str | int | float):
            try:
                return Version(str(item.value))
            except InvalidVersion:
                continue
    return None


def is_library_test(name: str, call: ast.Call) -> bool:
    """`is_xformers_available()`, `find_spec("flash_attn")`: what has CUDA's kernels is not installed here."""
    if name == "find_spec":
        wanted = read_constant(call.args[0]) if call.args else None
        return isinstance(wanted, str) and find_library(wanted) is not None
    match = _AVAILABLE.fullmatch(name)
    return match is not None and (match[1] in _SHORT_NAMES or find_library(match[1]) is not None)


def judge_rank(operator: ast.cmpop, wanted: object) -> Standing:
    """One process has the rank -1, 0 or none, whatever the program prefers."""
    match operator:
        case ast.Eq() | ast.Is():
            return Standing.HOLDS if wanted in {-1, 0, None} else Standing.FAILS
        case ast.NotEq() | ast.IsNot():
            return Standing.FAILS if wanted in {-1, 0, None} else Standing.HOLDS
        case ast.Gt() | ast.GtE():
            return Standing.FAILS
        case ast.Lt() | ast.LtE():
            return Standing.HOLDS
        case _:
            return Standing.OPEN


def judge_version_test(name: str, call: ast.Call, torch: str) -> Standing:
    """`is_torch_version(">=", "2.0")`, `min_torch_version("2.6.0")`, `is_torch_greater_or_equal("2.1")`."""
    texts = [read_constant(item) for item in call.args]
    wanted = next(filter(None, (read_version(item) for item in call.args)), None)
    if wanted is None:
        if re.fullmatch(r"_?(?:is|has|check)_torch(?:_cuda)?(?:_available|_installed)?", name):
            return Standing.HOLDS
        # It asks for a feature whose name says nothing of a version.
        return Standing.ABSENT if _NEWER_FEATURES.search(name) else Standing.OPEN
    sign = next((text for text in texts if text in _SIGNS), "<" if "less" in name or "lt" in name.split("_") else ">=")
    holds = compare_values(Version(torch), _SIGNS[str(sign)], wanted)
    return Standing.HOLDS if holds else Standing.ABSENT


def judge_version_flag(name: str, torch: str) -> Standing:
    """`TORCH_2`, `IS_TORCH_GE_1_13`, `PT20`: flags whose names say which torch they ask for."""
    numbers = re.findall(r"\d+", name)
    if len(numbers) == 1 and len(numbers[0]) > 1:
        numbers = [numbers[0][0], numbers[0][1:]]
    wanted = Version(".".join(numbers[:3]))
    return Standing.HOLDS if Version(torch) >= wanted else Standing.ABSENT


def judge_python(
    left: ast.expr, operator: ast.cmpop, right: ast.expr, python: tuple[int, int], bindings: Bindings
) -> Standing | None:
    """How a comparison with Python's own version stands: `sys.version_info >= (3, 9)`; `None` where it is none."""
    part: object = None
    if isinstance(left, ast.Subscript):
        part, left = left.slice, left.value
    elif isinstance(left, ast.Attribute) and left.attr in {"major", "minor"}:
        part, left = left.attr, left.value
    if bindings.resolve(left) != "sys.version_info":
        return None
    wanted = read_version(right)
    if wanted is None:
        return None
    index = part.value if isinstance(part, ast.Constant) else part
    if index in {"major", 0} or index in {"minor", 1}:
        pinned = Version(str(python[0 if index in {"major", 0} else 1]))
    else:
        pinned = Version(f"{python[0]}.{python[1]}" + (".99" if len(wanted.release) > 2 else ""))
    return Standing.HOLDS if compare_values(pinned, operator, wanted) else Standing.ABSENT


def compare_values(left: object, operator: ast.cmpop, right: object) -> bool:
    """Whether a comparison of two values holds."""
    a: Version = left  # type: ignore[assignment]
    b: Version = right  # type: ignore[assignment]
    match operator:
        case ast.Lt():
            return a < b
        case ast.LtE():
            return a <= b
        case ast.Gt():
            return a > b
        case ast.GtE():
            return a >= b
        case ast.NotEq() | ast.IsNot():
            return a != b
        case _:
            return a == b


def read_constant(node: ast.expr) -> object:
    """The value of a constant, `...` for what is none."""
    match node:
        case ast.Constant():
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
        case _:
            return ...


def last_name(node: ast.AST) -> str | None:
    """The last part of a name, or the key of an item."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Call():
            return None
        case _:
            return None


def name_variable(node: ast.expr, bindings: Bindings) -> str | None:
    """The environment variable that an expression reads."""
    match node:
        case ast.Call(func=ast.Name(id="int" | "bool" | "str"), args=[inner, *_]):
            return name_variable(inner, bindings)
        case ast.Subscript(value=source, slice=ast.Constant(value=str(name))):
            return name if last_name(source) == "environ" else None
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
            source_name = ast.unparse(function)
            return name if source_name.endswith(("environ.get", "getenv")) else None
        case _:
            return None
