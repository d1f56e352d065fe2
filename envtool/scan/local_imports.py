"""Follows imports inside the project: a module that imports one that cannot be imported cannot be either."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.scan.files import FileType
from envtool.scan.findings import ProgramFinding
from envtool.scan.kinds import ScanKind

if TYPE_CHECKING:
    from envtool.scan.python.judge import LocalImport
    from envtool.scan.read_file import ReadResult


@dataclass(frozen=True)
class _Edge:
    """An import of a module of the project by another."""

    result: ReadResult
    item: LocalImport
    target: Path


def follow_imports(results: Sequence[ReadResult]) -> Iterator[ProgramFinding]:
    """A finding for each import of a module of the project that needs a CUDA library, by itself or through others."""
    # Where each module first fails, and for want of what.
    broken = {result.file.path: (result.file.path, *result.broken) for result in results if result.broken is not None}
    if not broken:
        return
    edges = _list_edges(results)
    todo = list(broken)
    while todo:
        for edge in edges.get(todo.pop(), ()):
            path = edge.result.file.path
            if edge.item.is_needed and path not in broken:
                broken[path] = broken[edge.target]
                todo.append(path)
    told: set[tuple[Path, int, Path]] = set()
    for target, (origin, line, name) in broken.items():
        for edge in edges.get(target, ()):
            key = (edge.result.file.path, edge.item.line, origin)
            if key not in told:
                told.add(key)
                yield ProgramFinding(
                    kind=ScanKind.CUDA_LIBRARY,
                    severity=edge.item.severity,
                    path=edge.result.file.path.as_posix(),
                    line=edge.item.line,
                    identifier=edge.item.name.lstrip("."),
                    message=tell(
                        "{stem} cannot be imported: {part}:{line} needs {name}",
                        stem=_name_module(target),
                        part=origin.as_posix(),
                        line=line,
                        name=name,
                    ),
                )


def _name_module(path: Path) -> str:
    return path.parent.name if path.name == "__init__.py" else path.stem


def _list_edges(results: Sequence[ReadResult]) -> Mapping[Path, list[_Edge]]:
    """The imports of each module of the project, by the path of its file."""
    known = {result.file.path for result in results if result.file.type is FileType.PYTHON}
    # Most imports are of none of the project's modules: their names say so at once.
    names = {_name_module(path) for path in known}
    edges: defaultdict[Path, list[_Edge]] = defaultdict(list)
    for result in results:
        for item in result.imports:
            parts = [part for part in item.name.split(".") if part]
            if not names.isdisjoint(parts):
                for target in _find_modules(parts, item, result, known):
                    edges[target].append(_Edge(result, item, target))
    return edges


def _find_modules(parts: list[str], item: LocalImport, result: ReadResult, known: set[Path]) -> Iterator[Path]:
    """The files of the project that an import runs: of the module, and of the packages that it is in."""
    level = len(item.name) - len(item.name.lstrip("."))
    path = result.file.path
    folder = path.parent
    if level:
        for _ in range(level - 1):
            folder = folder.parent
        starts = [folder]
    else:
        root = result.file.root
        starts = list(dict.fromkeys([folder, root, root / "src", *_list_parents(folder, root)]))
    for start in starts:
        base = start.joinpath(*parts)
        found = [candidate for candidate in (base.with_suffix(".py"), base / "__init__.py") if candidate in known]
        if not found:
            continue
        if found[0] != path:
            yield found[0]
        for package in _list_parents(base.parent, start):
            # A package that is being imported already is not imported again.
            if package != start and package / "__init__.py" in known and package not in path.parents:
                yield package / "__init__.py"
        return


def _list_parents(folder: Path, root: Path) -> Iterator[Path]:
    while True:
        yield folder
        if folder in {root, folder.parent}:
            return
        folder = folder.parent
