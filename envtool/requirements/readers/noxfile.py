"""noxfile.py: what its sessions install, as far as that is written down and not worked out.

It is a program; nothing of it runs. Source: nox documentation, "Configuration & API".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from envtool.errors import RequirementsError, SourceError
from envtool.language import tell
from envtool.requirements.model import DependencyFile, RequirementSet, Section, SourceLocation
from envtool.requirements.readers.common import make_file_error
from envtool.requirements.readers.conda_environment import parse_match_spec
from envtool.requirements.readers.install_command import read_command
from envtool.requirements.readers.requirements_txt import NestedEntries
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.tool_environments import BY_HAND
from envtool.requirements.text_file import read_text

_ON_DISK = SourceFiles()
_RUNS = frozenset({"run", "run_always", "run_install"})
_MOST = 40
_PROJECT_TOOLS, _PROJECT_COMMANDS = frozenset({"uv", "poetry", "pdm", "pipenv"}), frozenset({"sync", "install", "add"})
_Values = Mapping[str, object]


def read_noxfile(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """One set for each session, or for each value of its parameter. Raises `RequirementsError`."""
    text = read_text(path)
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise make_file_error(path, tell("{path} is no program of Python", path=path), str(error)) from error
    constants: dict[str, object] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = _evaluate(node.value, constants)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            constants[node.target.id] = _evaluate(node.value, constants)
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    sets = []
    for function in functions.values():
        name = _get_session_name(function)
        if name is None:
            continue
        for shown, values in _list_parameters(name, function, constants):
            sets.append(_Session(path, files, functions, shown).read(function, values))
    return DependencyFile(path, "noxfile.py", tuple(sets), BY_HAND)


def _get_session_name(function: ast.FunctionDef) -> str | None:
    for decorator in function.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        target = call.func if call is not None else decorator
        if (target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")) == "session":
            given = [word.value for word in call.keywords if word.arg == "name"] if call is not None else []
            named = given[0].value if given and isinstance(given[0], ast.Constant) else None
            return named if isinstance(named, str) else function.name
    return None


def _list_parameters(name: str, function: ast.FunctionDef, constants: _Values) -> Iterator[tuple[str, _Values]]:
    """The session once, or once for each value of the parameter that it has."""
    for decorator in function.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and ast.unparse(decorator.func).endswith("parametrize")
            and len(decorator.args) > 1
        ):
            key, values = _evaluate(decorator.args[0], constants), _evaluate(decorator.args[1], constants)
            if isinstance(key, str) and "," not in key and isinstance(values, list | tuple):
                yield from ((f"{name}({key}={value!r})", {**constants, key: value}) for value in values[:_MOST])
                return
    yield name, constants


class _Session:
    def __init__(self, path: Path, files: SourceFiles, functions: Mapping[str, ast.FunctionDef], name: str) -> None:
        self._path, self._files, self._functions, self._name = path, files, functions, name
        self._found = NestedEntries()
        self._conda: list[tuple[str, int]] = []
        self._unresolved: list[str] = []

    def read(self, function: ast.FunctionDef, values: _Values) -> RequirementSet:
        """What a session installs."""
        self._walk(function, dict(values), 0)
        conda = tuple(parse_match_spec(text, SourceLocation(self._path, number)) for text, number in self._conda)
        return RequirementSet(
            path=self._path,
            section=Section.ENVIRONMENT,
            name=self._name,
            entries=(*conda, *self._found.entries),
            options=self._found.options,
            unresolved=tuple(dict.fromkeys((*self._unresolved, *self._found.unresolved))),
        )

    def _walk(self, function: ast.FunctionDef, values: dict[str, object], depth: int) -> None:
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                key = node.targets[0].id
                # A name with two values is one that is not known.
                found = _evaluate(node.value, values)
                values[key] = found if key not in values or values[key] == found else None
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id in self._functions and depth < 3:
                self._walk(self._functions[node.func.id], dict(values), depth + 1)
            elif isinstance(node.func, ast.Attribute):
                self._read_call(node, node.func.attr, values)

    def _read_call(self, node: ast.Call, method: str, values: _Values) -> None:
        if method not in {"install", "conda_install", *_RUNS}:
            return
        words = list(_list_words(node, values))
        if method in _RUNS:
            at = words.index("install") if "install" in words else None
            if words[:1] and words[0] in _PROJECT_TOOLS and words[1:2] and words[1] in _PROJECT_COMMANDS:
                self._add(node, tell("it runs a command that installs a project"))
                return
            if at is None or not ({"pip", "uv"} & set(map(str, words[:at]))):
                return
            words = words[at + 1 :]
        known = [word for word in words if word is not None]
        if len(known) < len(words):
            self._add(node, tell("it has words that are worked out when it runs"))
        if method == "conda_install":
            self._conda += [(word, node.lineno) for word in known if not word.startswith("-")]
            return
        try:
            found = read_command(known, SourceLocation(self._path, node.lineno), self._files)
        except (RequirementsError, SourceError) as error:
            self._add(node, str(error))
            return
        failures = tuple(RequirementsError(text) for text in found.unresolved)
        self._found = self._found.followed_by(NestedEntries(found.entries, found.options, failures))

    def _add(self, node: ast.Call, why: str) -> None:
        place = SourceLocation(self._path, node.lineno)
        self._unresolved.append(tell("{place}: `{call}`: {why}", place=place, call=ast.unparse(node)[:200], why=why))


def _list_words(node: ast.Call, values: _Values) -> Iterator[str | None]:
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            found = _evaluate(argument.value, values)
            yield from (
                found if isinstance(found, list | tuple) and all(isinstance(item, str) for item in found) else (None,)
            )
        else:
            found = _evaluate(argument, values)
            yield found if isinstance(found, str) else None


def _evaluate(node: ast.expr, values: _Values) -> object:
    """The value of an expression of constants and known names; `None` where it is another."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name):
            return values.get(name)
        case ast.Attribute(value=ast.Name(), attr="posargs"):
            # What stands behind `--` on the command line: nothing, where nobody adds something.
            return []
        case ast.BoolOp(op=ast.Or(), values=[left, right]):
            first = _evaluate(left, values)
            return first or (_evaluate(right, values) if first is not None else None)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            found: list[object] = []
            for item in items:
                inner = _evaluate(item.value if isinstance(item, ast.Starred) else item, values)
                if inner is None:
                    return None
                if isinstance(item, ast.Starred) and isinstance(inner, list):
                    found += inner
                else:
                    found.append(inner)
            return found
        case ast.JoinedStr(values=parts):
            texts = [_evaluate(part.value if isinstance(part, ast.FormattedValue) else part, values) for part in parts]
            return "".join(str(text) for text in texts) if all(isinstance(text, str) for text in texts) else None
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            first, second = _evaluate(left, values), _evaluate(right, values)
            if isinstance(first, str) and isinstance(second, str):
                return first + second
            return first + second if isinstance(first, list) and isinstance(second, list) else None
        case _:
            return None
