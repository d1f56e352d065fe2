"""What Python code puts first on `sys.path`: of `.pth` files, `sitecustomize`, and the modules that they import.

Nothing is run. Constants, names that they are given, and the calls of `os.path` and `pathlib` that people build paths
with are followed; a test counts as passed, as the folder that it asks for is of no account where it is not there.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from envtool.release.profile import TORCH

# Where no grammar helps, such as in code for Python 2.
_PUT_FIRST = re.compile(r"sys\.path\s*(?:\.insert\s*\(\s*0|\[\s*(?:0)?\s*:\s*0?\s*\]\s*=)")
_QUOTED_FOLDER = re.compile(r"""["'](/[^"']+)["']""")
# A finder that is asked before all folders, as scikit-build-core's for what is installed in editable form.
_FINDER_FIRST = re.compile(r"sys\.meta_path\.insert\s*\(\s*0")
# Before site-packages come at least an archive, the standard library and its extension modules.
_BEFORE_SITE = range(4)
# Calls within calls, statements in all, and the characters of what they are worked out to.
_DEEPEST, _MOST_STATEMENTS, _LONGEST = 20, 2_000, 4_096
_PATHS = frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath"})
# What leaves a path as it is, or makes it a text.
_SAME = frozenset({"abspath", "normpath", "realpath", "fspath", "str", "resolve", "absolute", "as_posix"})

_Value = str | list[str]


def list_first_folders(code: str, path: str = "", variables: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The folders that code puts before site-packages. Never fails.

    `path` is its file's, where it has one. Without the variables that it is started with, all tests of them count as
    passed.
    """
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tuple(dict.fromkeys(_search_lines(code)))
    walk = _Walk({"__file__": path} if path else {}, variables)
    try:
        walk.run(body, 0)
        if _FINDER_FIRST.search(code):
            walk.first += _list_mapped_folders(body)
    except RecursionError:
        return tuple(dict.fromkeys(_search_lines(code)))
    # What is relative is so to a working folder that nobody knows.
    return tuple(dict.fromkeys(folder for folder in walk.first if folder.startswith("/") and "\0" not in folder))


def _search_lines(code: str) -> Iterable[str]:
    for line in code.splitlines():
        if _PUT_FIRST.search(line):
            yield from (folder for folder in _QUOTED_FOLDER.findall(line) if "\0" not in folder)


def _list_mapped_folders(body: Sequence[ast.stmt]) -> Iterator[str]:
    """The folders of torch that a finder's table of modules and their files names."""
    for node in (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Dict)):
        for key, value in zip(node.keys, node.values, strict=True):
            path = value.value if isinstance(value, ast.Constant) else None
            if isinstance(key, ast.Constant) and key.value == TORCH and isinstance(path, str):
                yield posixpath.dirname(path.removesuffix("/__init__.py"))


@dataclass
class _Walk:
    """Goes through statements in their order. `values` are names of a known value, `variables` the process's."""

    values: dict[str, _Value]
    variables: Mapping[str, str] | None = None
    first: list[str] = field(default_factory=list)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    statements: int = 0

    def run(self, body: Sequence[ast.stmt], depth: int) -> None:
        for statement in body:
            self.statements += 1
            if self.statements > _MOST_STATEMENTS or depth > _DEEPEST:
                return
            self._visit(statement, depth)

    def _visit(self, statement: ast.stmt, depth: int) -> None:
        match statement:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.Expr(value=ast.Call() as call):
                self._call(call, depth)
            case ast.If():
                self.run(statement.body if self._may_pass(statement.test) else statement.orelse, depth + 1)
            case ast.Try() | ast.With():
                self.run(statement.body, depth + 1)
            case ast.For(target=ast.Name(id=name)):
                turns = self._evaluate(statement.iter, 0)
                for turn in turns if isinstance(turns, list) else ():
                    self.values[name] = turn
                    self.run(statement.body, depth + 1)
            case ast.FunctionDef():
                self.functions[statement.name] = statement
            case _:
                pass

    def _may_pass(self, test: ast.expr) -> bool:
        """Only what asks for the module's own name, or a variable, is told to fail."""
        match test:
            case ast.Compare(left=ast.Name(id="__name__")):
                return False
            case ast.UnaryOp(op=ast.Not(), operand=operand) if _reads_variables(operand):
                return self.variables is None or not self._may_pass(operand)
            case ast.Compare(left=ast.Constant(value=str() as name), ops=[ast.In()]) if _reads_variables(test):
                return self.variables is None or name in self.variables
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]) if _reads_variables(test):
                return self.variables is None or self._evaluate(left, 0) == self._evaluate(right, 0)
            case ast.Call() | ast.Subscript() if _reads_variables(test):
                return self.variables is None or bool(self._evaluate(test, 0))
            case _:
                return True

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            found = self._evaluate(value, 0)
            if found is None:
                self.values.pop(target.id, None)
            else:
                self.values[target.id] = found
            return
        is_slice = isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice)
        if is_slice and _is_search_path(target.value) and _is_empty_start(target.slice):  # type: ignore[attr-defined]
            # `sys.path[:0] = […]`; `sys.path[:] = […] + sys.path` is caught below as well.
            self._add(value)
        elif _is_search_path(target.value if is_slice else target):  # type: ignore[attr-defined]
            # `sys.path = […] + sys.path`: what stands before it.
            while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
                if _is_search_path(value.right):
                    self._add(value.left)
                    return
                value = value.left

    def _call(self, call: ast.Call, depth: int) -> None:
        match call:
            case ast.Call(func=ast.Attribute(attr="insert", value=target), args=[ast.Constant(value=number), value]):
                if _is_search_path(target) and number in _BEFORE_SITE:
                    self._add(value)
            case ast.Call(func=ast.Name(id="exec"), args=[text, *_]):
                code = self._evaluate(text, 0)
                if isinstance(code, str):
                    self.first += list_first_folders(code)
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                function = self.functions[name]
                outside = dict(self.values)
                for parameter, argument in zip(function.args.args, call.args, strict=False):
                    self._assign(ast.Name(id=parameter.arg), argument)
                self.run(function.body, depth + 1)
                self.values = outside
            case _:
                pass

    def _add(self, value: ast.expr) -> None:
        found = self._evaluate(value, 0)
        folders = [found] if isinstance(found, str) else found or []
        self.first += folders

    def _evaluate(self, node: ast.expr, depth: int) -> _Value | None:
        """A text or a list of texts; `None` for what is not known."""
        found = self._work_out(node, depth + 1) if depth < _DEEPEST else None
        return None if found is not None and sum(map(len, found)) > _LONGEST else found

    def _work_out(self, node: ast.expr, depth: int) -> _Value | None:
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Name(id=name):
                return self.values.get(name)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [found for item in items if isinstance(found := self._evaluate(item, depth), str)]
            case ast.JoinedStr(values=parts):
                inner = [part.value if isinstance(part, ast.FormattedValue) else part for part in parts]
                return self._join_text(inner, depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                before, after = self._evaluate(left, depth), self._evaluate(right, depth)
                if isinstance(before, str) and isinstance(after, str):
                    return before + after
                return before + after if isinstance(before, list) and isinstance(after, list) else None
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._join_path([left, right], depth)
            case ast.Attribute(value=value, attr="parent"):
                found = self._evaluate(value, depth)
                return posixpath.dirname(found) if isinstance(found, str) else None
            case ast.Subscript(value=value, slice=ast.Constant(value=str() as name)) if _reads_variables(value):
                return (self.variables or {}).get(name)
            case ast.Call():
                return self._work_out_call(node, depth)
            case _:
                return None

    def _work_out_call(self, call: ast.Call, depth: int) -> _Value | None:
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        subject = call.args[0] if call.args else owner
        if subject is None:
            return None
        if name in {"get", "getenv"} and _reads_variables(call.func):
            asked = self._evaluate(subject, depth)
            known = (self.variables or {}).get(asked) if isinstance(asked, str) else None
            return self._evaluate(call.args[1], depth) if known is None and len(call.args) > 1 else known
        if name == "join" or name in _PATHS:
            return self._join_path(call.args, depth)
        if name == "joinpath" and owner is not None:
            return self._join_path([owner, *call.args], depth)
        found = self._evaluate(subject, depth) if name in _SAME or name == "dirname" else None
        if not isinstance(found, str) or name in {"str", "fspath"}:
            return found
        return posixpath.dirname(found) if name == "dirname" else posixpath.normpath(found)

    def _join_path(self, parts: Sequence[ast.expr], depth: int) -> str | None:
        texts = self._list_texts(parts, depth)
        return posixpath.join(*texts) if texts else None

    def _join_text(self, parts: Sequence[ast.expr], depth: int) -> str | None:
        texts = self._list_texts(parts, depth)
        return "".join(texts) if texts is not None else None

    def _list_texts(self, parts: Sequence[ast.expr], depth: int) -> list[str] | None:
        """What each part is; `None` where one is no text, or not known."""
        found = [self._evaluate(part, depth) for part in parts]
        texts = [part for part in found if isinstance(part, str)]
        return texts if len(texts) == len(found) else None


def _is_search_path(node: ast.expr) -> bool:
    """`sys.path`, also where the module was imported inline."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "path"
        and (
            (isinstance(node.value, ast.Name) and node.value.id in {"sys", "_sys"})
            or (isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "__import__")
        )
    )


def _reads_variables(node: ast.expr) -> bool:
    """Whether `os.environ` or `os.getenv` is in an expression."""
    return any(getattr(part, "attr", getattr(part, "id", "")) in {"environ", "getenv"} for part in ast.walk(node))


def _is_empty_start(part: ast.Slice) -> bool:
    """`[:0]` and `[0:0]`."""
    ends = [getattr(end, "value", None) for end in (part.lower, part.upper)]
    return ends[0] in {None, 0} and ends[1] == 0
