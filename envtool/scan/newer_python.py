"""Syntax that is newer than the vendor torch's Python, as vermin knows it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_LINE = re.compile(r"^L(\d+)(?: C\d+)?: (.*) requires (?:!?~?[\d.]+, )?!?(\d)\.(\d+)$")
_GENERIC = frozenset({"list", "dict", "tuple", "set", "frozenset", "type"})
# Methods and functions whose names say it all.
_CALLS = frozenset({"removeprefix", "removesuffix", "pairwise"})
_MODULES = frozenset({"zoneinfo", "graphlib", "tomllib"})


def find_newer_syntax(text: str, python: tuple[int, int]) -> Iterator[tuple[int, str, tuple[int, int]]]:
    """The lines that need a newer Python than `python`, with what needs it, and which that is.

    vermin takes a hundred times longer than parsing: it is asked of sources only that have something to ask of.
    """
    tree = ast.parse(text)
    if not _may_be_newer(tree, text):
        return
    import vermin

    config = vermin.Config()
    config.set_verbose(3)
    config.set_eval_annotations("from __future__ import annotations" not in text)
    visitor = vermin.SourceVisitor(config)
    visitor.set_no_lines(set())
    try:
        visitor.tour(tree)
        lines = visitor.output_text().splitlines()
    except Exception:
        # It is somebody else's program, over any source: a construct that it does not know is no finding.
        return
    told: set[str] = set()
    for line in lines:
        match = _LINE.match(line.strip())
        # Where one annotation does not do, a hundred do not.
        if match is None or match[2] in told:
            continue
        needed = (int(match[3]), int(match[4]))
        if needed[0] == 3 and needed > python:
            told.add(match[2])
            yield int(match[1]), match[2], needed


def _may_be_newer(tree: ast.Module, text: str) -> bool:
    if not re.search(
        r"\b(?:list|dict|tuple|set|frozenset|type)\[|\||^\s*match\s|except\s*\*|removeprefix|removesuffix|"
        r"pairwise|zoneinfo|graphlib|tomllib",
        text,
        re.MULTILINE,
    ):
        return False
    postponed = "from __future__ import annotations" in text
    for node in ast.walk(tree):
        match node:
            case ast.Match() | ast.TryStar():
                return True
            case ast.Attribute(attr=name) if name in _CALLS:
                return True
            case ast.Import(names=names) if any(item.name in _MODULES for item in names):
                return True
            case ast.ImportFrom(module=str(module)) if module in _MODULES:
                return True
            case ast.Subscript(value=ast.Name(id=name)) if name in _GENERIC and not postponed:
                return True
            case (
                ast.arg(annotation=ast.BinOp(op=ast.BitOr())) | ast.AnnAssign(annotation=ast.BinOp(op=ast.BitOr()))
            ) if not postponed:
                return True
            case ast.FunctionDef(returns=ast.BinOp(op=ast.BitOr())) if not postponed:
                return True
            case _:
                pass
    return False
