"""Judges conditions: what holds where there is one device, one process, no launcher and the pinned torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.version import Version

from envtool.scan.python.bindings import read_number
from envtool.scan.python.condition_names import (
    COUNT,
    COUNT_CALLS,
    FEATURES,
    GPU_LISTS,
    LAUNCHER_VARIABLES,
    OTHER_DEVICES,
    RANK,
    SEVERAL,
    SEVERAL_CALLS,
    VERSION_FLAGS,
    VERSION_NAMES,
    VERSION_TESTS,
)
from envtool.scan.python.expressions import (
    compare_values,
    is_library_test,
    judge_python,
    judge_rank,
    judge_version_flag,
    judge_version_test,
    last_name,
    name_variable,
    read_constant,
    read_version,
)
from envtool.scan.python.standing import Standing, all_of, any_of, negate
from envtool.scan.python.tree import walk

if TYPE_CHECKING:
    from envtool.scan.python.bindings import Bindings

# How far a variable is followed to what it was given.
_DEPTH = 5
_NO_LAUNCHER = frozenset({"none", "", "no", "single", None})


@dataclass
class Conditions:
    """Judges the conditions of one module. `torch` is the pinned release; `has_name` whether it has a dotted name."""

    bindings: Bindings
    torch: str
    python: tuple[int, int]
    has_name: Callable[[str], bool]
    _versions: dict[int, bool] = field(default_factory=dict)
    _judged: dict[tuple[int, int], tuple[ast.expr, Standing]] = field(default_factory=dict)
    _counted: dict[tuple[int, int, bool], tuple[ast.expr, int | None]] = field(default_factory=dict)

    def judge(self, test: ast.expr, depth: int = 0) -> Standing:
        """How a condition stands."""
        # A variable of a long program has many values, each of which asks for others'. The node is kept, so that no
        # other gets its number.
        key = (id(test), depth)
        found = self._judged.get(key)
        if found is None:
            found = self._judged[key] = (test, self._judge(test, depth))
        return found[1]

    def _judge(self, test: ast.expr, depth: int) -> Standing:
        match test:
            case ast.BoolOp(op=ast.And()):
                return all_of(self.judge(item, depth) for item in test.values)
            case ast.BoolOp():
                return any_of(self.judge(item, depth) for item in test.values)
            case ast.UnaryOp(op=ast.Not()):
                return negate(self.judge(test.operand, depth))
            case ast.Constant():
                return Standing.HOLDS if test.value else Standing.FAILS
            case ast.Compare() if len(test.ops) == 1:
                return self._judge_comparison(test.left, test.ops[0], test.comparators[0], depth)
            case ast.NamedExpr():
                return self.judge(test.value, depth)
            case ast.IfExp():
                return self.judge(test.body, depth)
            case ast.Call():
                return self._judge_call(test, depth)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._judge_name(test, depth)
            case _:
                return Standing.OPEN

    def _judge_name(self, node: ast.expr, depth: int) -> Standing:
        name = last_name(node)
        variable = name_variable(node, self.bindings)
        if variable is not None:
            return Standing.FAILS if LAUNCHER_VARIABLES.match(variable) else Standing.OPEN
        if name is None:
            return Standing.OPEN
        if name == "TYPE_CHECKING":
            return Standing.FAILS
        if SEVERAL.match(name.lower()):
            return Standing.FAILS
        if VERSION_FLAGS.match(name) and not self._find_values(node):
            return judge_version_flag(name, self.torch)
        if name in self.bindings.switches and not isinstance(node, ast.Subscript):
            return self.bindings.switches[name]
        values = self._find_values(node)
        if values and depth < _DEPTH:
            # A flag that is set in a branch only is as good as its best value.
            found = {self.judge(value, depth + 1) for value in values}
            if len(found) == 1:
                return found.pop()
            if found <= {Standing.HOLDS, Standing.FAILS} and len(values) > 1:
                return Standing.SWITCH
            if Standing.FAILS in found and Standing.ABSENT in found:
                return Standing.ABSENT
            return Standing.OPEN
        return Standing.SWITCH

    def _find_values(self, node: ast.expr) -> list[ast.expr]:
        match node:
            case ast.Name(id=name):
                return self.bindings.values.get(name, [])
            case ast.Attribute(attr=name):
                return self.bindings.values.get(f".{name}", [])
            case _:
                return []

    def _find_defaults(self, node: ast.expr) -> list[ast.expr]:
        """The numbers that a parameter has where nobody gives another."""
        is_count = isinstance(node, ast.Name) and COUNT.match(node.id.lower())
        return self.bindings.defaults.get(node.id, []) if is_count and isinstance(node, ast.Name) else []

    def _judge_call(self, call: ast.Call, depth: int) -> Standing:
        dotted = self.bindings.resolve(call.func) or ""
        name = last_name(call.func) or ""
        match name:
            case "hasattr" | "getattr" if (found := self._judge_attribute(call)) is not None:
                return found
            case "hasattr":
                return Standing.OPEN
            case "is_available" if dotted.endswith("cuda.is_available") or dotted.endswith("distributed.is_available"):
                return Standing.HOLDS
            case "bool" | "any" | "all" | "int" if call.args:
                number = self.count(call, depth)
                if number is not None:
                    return Standing.HOLDS if number else Standing.FAILS
                return self.judge(call.args[0], depth)
            case "startswith" if isinstance(call.func, ast.Attribute) and self._is_version(call.func.value, depth):
                wanted = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
                return Standing.HOLDS if self.torch.startswith(str(wanted)) else Standing.ABSENT
            case "getattr" if len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
                return self._judge_name(ast.Attribute(call.args[0], str(call.args[1].value)), depth)
            case _ if SEVERAL_CALLS.search(name) or OTHER_DEVICES.match(name) or is_library_test(name, call):
                return Standing.FAILS
            case _ if any(self._is_version(item, depth) for item in call.args):
                return self._judge_version_call(call)
            case _ if VERSION_TESTS.match(name):
                return judge_version_test(name, call, self.torch)
            case _ if FEATURES.search(name.lower()):
                return Standing.SWITCH
            case _ if name_variable(call, self.bindings) is not None:
                return self._judge_name(call, depth)
            case "get" if isinstance(call.func, ast.Attribute) and call.args and isinstance(call.args[0], ast.Constant):
                return self._judge_name(ast.Attribute(call.func.value, str(call.args[0].value)), _DEPTH)
            case _:
                return Standing.OPEN

    def _judge_attribute(self, call: ast.Call) -> Standing | None:
        """`hasattr(torch, "compile")`, `getattr(torch, "compile", None)`; `None` where it asks for something else."""
        owner = self.bindings.resolve(call.args[0]) if call.args else None
        if owner is None or owner.partition(".")[0] not in {"torch", "torchvision"} or len(call.args) < 2:
            return None
        name = read_constant(call.args[1])
        if not isinstance(name, str) or (
            isinstance(call.func, ast.Name) and call.func.id == "getattr" and len(call.args) < 3
        ):
            return None
        return Standing.HOLDS if self.has_name(f"{owner}.{name}") else Standing.ABSENT

    def _judge_version_call(self, call: ast.Call) -> Standing:
        """`check_version(torch.__version__, "1.9.0")`, as programs test for it."""
        wanted = next(filter(None, (read_version(item) for item in call.args)), None)
        return Standing.HOLDS if wanted is not None and Version(self.torch) >= wanted else Standing.ABSENT

    def _judge_comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int) -> Standing:
        if (version := self._judge_version(left, operator, right, depth)) is not None:
            return version
        if (python := judge_python(left, operator, right, self.python, self.bindings)) is not None:
            return python
        if isinstance(operator, ast.In | ast.NotIn):
            found = self._judge_membership(left, right)
            return found if isinstance(operator, ast.In) else negate(found)
        if isinstance(left, ast.Constant) and not isinstance(right, ast.Constant):
            mirrored = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
            return self._judge_comparison(right, mirrored.get(type(operator), type(operator))(), left, depth)
        name = (last_name(left) or "").lower()
        wanted = read_constant(right)
        if RANK.match(name) or "RANK" in (name_variable(left, self.bindings) or ""):
            return judge_rank(operator, wanted)
        if isinstance(wanted, int) and not isinstance(wanted, bool) and (number := self.count(left, depth)) is not None:
            return Standing.HOLDS if compare_values(number, operator, wanted) else Standing.FAILS
        if "launcher" in name or name in {"distributed_type", "ddp_backend", "dist_mode", "parallel_mode"}:
            is_none = str(wanted).lower() in {str(item) for item in _NO_LAUNCHER} | {"none"}
            standing = Standing.HOLDS if is_none else Standing.FAILS
            return standing if isinstance(operator, ast.Eq | ast.Is) else negate(standing)
        if isinstance(wanted, str) and wanted.partition(":")[0] in {"cuda", "cpu", "gpu", "mps", "xpu", "npu"}:
            if not isinstance(operator, ast.Eq | ast.NotEq) or "backend" in name:
                return Standing.OPEN
            standing = Standing.HOLDS if wanted.partition(":")[0] in {"cuda", "gpu"} else Standing.FAILS
            return standing if isinstance(operator, ast.Eq) else negate(standing)
        if isinstance(right, ast.Constant) and (wanted is None or isinstance(wanted, bool)):
            return self._judge_identity(left, operator, wanted, depth)
        return Standing.OPEN

    def _judge_identity(self, left: ast.expr, operator: ast.cmpop, wanted: bool | None, depth: int) -> Standing:
        is_known = isinstance(left, ast.Name | ast.Attribute | ast.Call)
        standing = self.judge(left, depth) if is_known else Standing.OPEN
        is_same = isinstance(operator, ast.Is | ast.Eq)
        return standing if is_same == (wanted is True) else negate(standing)

    def _judge_membership(self, left: ast.expr, right: ast.expr) -> Standing:
        name = read_constant(left)
        if isinstance(right, ast.Call) and last_name(right.func) == "dir" and len(right.args) == 1:
            found = self._judge_attribute(ast.Call(ast.Name("hasattr"), [right.args[0], left], []))
            return Standing.OPEN if found is None else found
        if isinstance(name, str) and ast.unparse(right).endswith("environ"):
            return Standing.FAILS if LAUNCHER_VARIABLES.match(name) else Standing.OPEN
        if isinstance(right, ast.List | ast.Tuple | ast.Set) and RANK.match((last_name(left) or "").lower()):
            values = [read_constant(item) for item in right.elts]
            return Standing.HOLDS if 0 in values or -1 in values else Standing.FAILS
        return Standing.OPEN

    def _judge_version(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int) -> Standing | None:
        """How a comparison with torch's version stands, `None` where it is none."""
        if self._is_version(right, depth) and not self._is_version(left, depth):
            mirrored = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
            return self._judge_version(right, mirrored.get(type(operator), type(operator))(), left, depth)
        if not self._is_version(left, depth):
            return None
        wanted = read_version(right)
        if wanted is None:
            return Standing.ABSENT
        pinned = Version(self.torch)
        if "major" in ast.unparse(left) or len(wanted.release) == 1:
            pinned, wanted = Version(str(pinned.major)), Version(str(wanted.major))
        return Standing.HOLDS if compare_values(pinned, operator, wanted) else Standing.ABSENT

    def _is_version(self, node: ast.expr, depth: int) -> bool:
        if isinstance(node, ast.Constant):
            return False
        # The tree outlives the judge of its conditions.
        key = id(node)
        if key not in self._versions:
            self._versions[key] = self._speaks_of_version(node, depth)
        return self._versions[key]

    def _speaks_of_version(self, node: ast.expr, depth: int) -> bool:
        for item in walk(node):
            if isinstance(item, ast.Attribute) and self.bindings.resolve(item) in {
                "torch.__version__",
                "torch.version.__version__",
            }:
                return True
            name = last_name(item) if isinstance(item, ast.Name | ast.Attribute) else None
            if name is not None and VERSION_NAMES.search(name):
                return True
        if isinstance(node, ast.Name) and depth < _DEPTH:
            return any(self._is_version(value, depth + 1) for value in self.bindings.values.get(node.id, []))
        return False

    def count(self, node: ast.expr, depth: int = 0, *, is_certain: bool = False) -> int | None:
        """How many devices or processes an expression stands for, or the number that it is; `None` for what is unknown.

        `is_certain`: a name alone, such as `world_size`, says nothing.
        """
        key = (id(node), depth, is_certain)
        found = self._counted.get(key)
        if found is None:
            found = self._counted[key] = (node, self._count(node, depth, is_certain=is_certain))
        return found[1]

    def _count(self, node: ast.expr, depth: int, *, is_certain: bool) -> int | None:
        match node:
            case ast.Constant(value=int()) | ast.UnaryOp(op=ast.USub()):
                return read_number(node)
            case ast.Constant(value=str(text)) if text.isdecimal():
                return int(text)
            case ast.Call(func=ast.Name(id="int" | "max" | "min"), args=[first, *_]):
                return self.count(first, depth, is_certain=is_certain)
            case ast.Call(func=ast.Name(id="len"), args=[inner]):
                name = (last_name(inner) or "").lower()
                return 1 if GPU_LISTS.match(name) else None
            case ast.Call() if COUNT_CALLS.search(self.bindings.resolve(node.func) or last_name(node.func) or ""):
                return 1
            case ast.BinOp(op=ast.Mult()):
                left, right = (self.count(item, depth, is_certain=is_certain) for item in (node.left, node.right))
                return left * right if left is not None and right is not None else None
            case ast.IfExp():
                is_left = self.judge(node.test, depth) in {Standing.FAILS, Standing.OFF, Standing.ABSENT}
                return self.count(node.orelse if is_left else node.body, depth, is_certain=is_certain)
            case _:
                pass
        variable = name_variable(node, self.bindings)
        default = _read_default(node) if variable is not None else None
        if default is not None and default > 1:
            # Nobody sets it here.
            return default
        if variable is not None:
            return 1 if "SIZE" in variable or "NPROC" in variable or "NTASKS" in variable else None
        values = self._find_values(node) or self._find_defaults(node)
        found = {self.count(value, depth + 1, is_certain=is_certain) for value in values} if depth < _DEPTH else set()
        numbers = {number for number in found if number is not None}
        if numbers and None not in found and (len(found) == 1 or max(numbers) <= 1):
            return max(numbers)
        if is_certain:
            return None
        name = (last_name(node) or "").lower()
        return 1 if COUNT.match(name) and not (numbers - {1}) else None


def _read_default(node: ast.expr) -> int | None:
    """The number that an environment's variable has where it is not set: `int(os.environ.get(NAME, 4))`."""
    match node:
        case ast.Call(func=ast.Name(id="int" | "str"), args=[inner]):
            return _read_default(inner)
        case ast.Call(args=[_, ast.Constant(value=int() | str() as value)]) if re.fullmatch(r"\d+", str(value)):
            return int(value)
        case _:
            return None
