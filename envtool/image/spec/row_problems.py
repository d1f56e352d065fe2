"""What is wrong with a row of the image table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envtool.language import tell

EMBEDDED, RELEASED = "embedded", "released"
# Of a size budget: the number, and the unit.
SIZE = re.compile(r"(\d+(?:\.\d+)?) (MB|GB)")
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_PYTHON = re.compile(r"3\.\d+")
_TEXTS = ("title", "sources", "recipe", "python", "torch", "release", "size-budget")
# Public keys that must have signed the inputs of an image without a parent.
_KEYS = ("vendor-key", "base-key")
# A child has these of its parent.
_FROM_PARENT = {"sources", "python", "torch", "release", "epoch", *_KEYS}


def list_row_problems(project: Path, name: str, row: object, rows: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with one row: the key it concerns, and what to say."""
    if not _NAME.fullmatch(name):
        yield "", tell("the name must be lower-case letters, digits, and single . _ - between them")
    if not isinstance(row, dict):
        yield "", tell("must be a table")
        return
    is_child = "parent" in row
    for key in row.keys() - {*_TEXTS, *_KEYS, "inherits", "epoch", "base", "parent"}:
        yield key, tell("{key}: there is no such setting", key=key)
    for key in sorted(_TEXTS):
        if is_child and key in _FROM_PARENT:
            if key in row:
                yield key, tell("{key}: a child has its parent's", key=key)
        elif not isinstance(row.get(key), str):
            yield key, tell("{key}: a text is needed" if key in row else "{key}: is missing", key=key)
    yield from _list_value_problems(project, row)
    if is_child:
        yield from _list_child_problems(name, row, rows)
    else:
        yield from _list_base_problems(row.get("base"))


def _list_child_problems(name: str, row: Mapping[str, Any], rows: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    seen, parent = {name}, row["parent"]
    while parent is not None:
        if not isinstance(parent, str) or not isinstance(rows.get(parent), dict):
            yield "parent", tell("parent: there is no image {parent!r}", parent=parent)
            return
        if parent in seen:
            yield "parent", tell("parent: {parent} is its own ancestor", parent=parent)
            return
        seen.add(parent)
        parent = rows[parent].get("parent")
    for key in ("epoch", *_KEYS):
        if key in row:
            yield key, tell("{key}: a child has its parent's", key=key)
    base = row.get("base", {})
    if not isinstance(base, dict) or base.keys() - {"packages"} or not _are_names(base.get("packages", [])):
        yield "base", tell("base: a child names packages, which are added to those of its parent, and nothing else")
    elif base and "bootstrap" not in str(_find_root(row, rows).get("base")):
        yield (
            "packages",
            tell("base.packages: nothing can be added to a base that is pulled; name conda packages instead"),
        )


def _find_root(row: Mapping[str, Any], rows: Mapping[str, Any]) -> Mapping[str, Any]:
    while "parent" in row:
        row = rows[row["parent"]]
    return row


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _list_value_problems(project: Path, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(row.get("sources"), str) and row["sources"] not in (EMBEDDED, RELEASED):
        yield (
            "sources",
            tell(
                "sources: {found!r} is neither {embedded!r} nor {released!r}",
                found=row["sources"],
                embedded=EMBEDDED,
                released=RELEASED,
            ),
        )
    if isinstance(row.get("python"), str) and not _PYTHON.fullmatch(row["python"]):
        yield "python", tell("{key}: {found!r} is not of the form 3.N", key="python", found=row["python"])
    if isinstance(row.get("size-budget"), str) and not SIZE.fullmatch(row["size-budget"]):
        yield (
            "size-budget",
            tell("size-budget: {found!r} is not of the form '900 MB'", found=row["size-budget"]),
        )
    if "parent" not in row and (not isinstance(row.get("epoch"), int) or isinstance(row.get("epoch"), bool)):
        yield "epoch", tell("epoch: a number of seconds since 1970 is needed")
    for key in _KEYS:
        if key in row and not (isinstance(row[key], str) and (project / row[key]).is_file()):
            yield key, tell("{key}: there is no file {path}", key=key, path=row[key])
    if "base-key" in row and "bootstrap" in str(row.get("base")):
        yield "base-key", tell("base-key: a base that is bootstrapped comes from Debian's own signed index")
    for key in ("recipe", "inherits"):
        if isinstance(row.get(key), str) and not (project / "images" / row[key]).is_dir():
            yield key, tell("{key}: there is no folder images/{name}", key=key, name=row[key])


def _list_base_problems(base: object) -> Iterator[tuple[str, str]]:
    if not isinstance(base, dict):
        yield "base", tell("{key}: is missing", key="base")
        return
    if ("bootstrap" in base) == ("reference" in base):
        yield "base", tell("base: needs either bootstrap or reference")
    for key in base.keys() - {"bootstrap", "packages", "reference"}:
        yield key, tell("{key}: there is no such setting", key=f"base.{key}")
    if not _are_names(base.get("packages", [])):
        yield "packages", tell("base.packages: a list of names is needed")
