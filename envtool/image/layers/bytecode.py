"""Compiles a staged environment's modules with its own interpreter, so that no program in the image has to.

Python does not compare the bytecode with its source (PEP 552, unchecked): the files never change in place, and a layer
does not keep their times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import envtool.image.layers.compile_modules as program
from envtool.image.layers.staged_tree import FileRange, StagedTree, WheelFile
from envtool.image.run_program import run

if TYPE_CHECKING:
    from envtool.image.pip_program import PythonVersion

_UNCHECKED = (1).to_bytes(4, "little")
_LEFT_OUT = re.compile(r"/(lib2to3/tests|bad_coding|test)/")


def compile_tree(
    tree: StagedTree, prefix: Path, python: PythonVersion, folder: Path, interpreter: Path
) -> dict[str, FileRange]:
    """The bytecode of a tree's modules that have none, by its paths; it lies below `folder`. Raises `BuildError`.

    `interpreter` is the one that it is for, on this machine.
    """
    name = f"python{python[0]}.{python[1]}"
    # PYTHONHASHSEED decides the order of sets; that rules out -I, which would ignore it.
    command: list[str | Path] = [interpreter, "-B", "-s", program.__file__ or ""]
    environment = {"PYTHONHASHSEED": "0", "PYTHONPATH": "", "PYTHONHOME": ""}
    listing = folder / "modules"
    rows = (
        json.dumps(row)
        for row in _list_modules(tree, f"{prefix.relative_to('/')}/lib/{name}/", f"cpython-{python[0]}{python[1]}")
    )
    listing.write_text("".join(f"{row}\n" for row in rows))
    run([*command, listing, folder], environment=environment)
    return dict(_list_parts(folder))


def _list_modules(tree: StagedTree, library: str, tag: str) -> Iterator[tuple[object, ...]]:
    """The lines of the list that the program takes."""
    for path, entry in tree.entries():
        # Test data of parsers is no valid Python.
        if not path.startswith(library) or not path.endswith(".py") or _LEFT_OUT.search(path):
            continue
        if isinstance(entry, WheelFile):
            member = entry.member
            yield f"/{path}", str(entry.archive.path), member.offset, member.compressed, member.method
        elif isinstance(entry, Path) and entry.is_file() and not _has_bytecode(entry, tag):
            yield f"/{path}", str(entry)


def _has_bytecode(module: Path, tag: str) -> bool:
    """Whether a package brought unchecked bytecode itself."""
    try:
        with open(module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc", "rb") as stream:
            return stream.read(8)[4:] == _UNCHECKED
    except OSError:
        return False


def _list_parts(folder: Path) -> Iterator[tuple[str, FileRange]]:
    for index in folder.glob("*.index"):
        offset = 0
        for line in index.read_text().splitlines():
            path, size = json.loads(line)
            yield path.lstrip("/"), FileRange(index.with_suffix(""), offset, size)
            offset += size
