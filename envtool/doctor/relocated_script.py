"""Commands of an environment that was moved: only their first line names another interpreter.

conda-pack, `virtualenv --relocatable` and people's own copies rewrite the line, and leave RECORD as it was. What was
there before nobody can know; but of a command that an installer makes all but that line follows from its entry point.
Imported only where such a file differs from RECORD. Format: PyPA specifications, "Entry points".
"""

from __future__ import annotations

import ast
from configparser import ConfigParser
from configparser import Error as ConfigurationError
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.regular_file import read_regular_file

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution

# What the scripts of pip, uv, installer, setuptools and conda do besides calling the function.
_NAMES = frozenset({"sys", "re", "__name__"})
_ATTRIBUTES = frozenset({"argv", "exit", "sub", "endswith", "removesuffix"})
_STATEMENTS = (ast.Import, ast.ImportFrom, ast.If, ast.Assign, ast.Expr)


def is_relocated_script(path: str, item: Distribution) -> bool:
    """Whether a file is a command of the distribution's that calls its entry point and does nothing else."""
    target = _read_entry_points(item).get(Path(path).name)
    if target is None:
        return False
    module, _colon, function = target.partition("[")[0].replace(" ", "").partition(":")
    try:
        text = read_regular_file(Path(path)).decode()
        if not text.startswith("#!"):
            return False
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return bool(function) and _calls_only(tree, module, function.partition(".")[0])


def _read_entry_points(item: Distribution) -> dict[str, str]:
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string((item.read("entry_points.txt") or b"").decode())
    except (ConfigurationError, UnicodeDecodeError):
        return {}
    sections = [name for name in ("console_scripts", "gui_scripts") if parser.has_section(name)]
    return {name: target for section in sections for name, target in parser.items(section)}


def _calls_only(tree: ast.Module, module: str, function: str) -> bool:
    imported = False
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, _STATEMENTS):
            return False
        if isinstance(node, ast.Import) and any(alias.name not in _NAMES or alias.asname for alias in node.names):
            return False
        if isinstance(node, ast.ImportFrom):
            imported = True
            if node.module != module or node.level or [alias.name for alias in node.names] != [function]:
                return False
        if isinstance(node, ast.Name) and node.id not in {*_NAMES, function}:
            return False
        if isinstance(node, ast.Attribute) and node.attr not in _ATTRIBUTES:
            return False
    return imported
