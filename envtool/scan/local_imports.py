"""Follows imports inside the project: a module that imports one that cannot be imported cannot be either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.scan.findings import ProgramFinding
from envtool.scan.kinds import ScanKind

if TYPE_CHECKING:
    from envtool.scan.read_file import ReadResult


def follow_imports(results: Sequence[ReadResult]) -> Iterator[ProgramFinding]:
    """A finding for each import of a module of the project that needs a CUDA library."""
    broken = {result.file.path: result for result in results if result.broken is not None}
    if not broken:
        return
    for result in results:
        told: set[tuple[int, Path]] = set()
        for item in result.imports:
            target = _find_module(item.name, result, broken.keys())
            if target is None or target == result.file.path or (item.line, target) in told:
                continue
            told.add((item.line, target))
            line, name = broken[target].broken or (1, "")
            yield ProgramFinding(
                kind=ScanKind.CUDA_LIBRARY,
                severity=item.severity,
                path=result.file.path.as_posix(),
                line=item.line,
                identifier=item.name.lstrip("."),
                message=tell(
                    "{stem} cannot be imported: {part}:{line} needs {name}",
                    stem=target.stem,
                    part=target.as_posix(),
                    line=line,
                    name=name,
                ),
            )


def _find_module(name: str, result: ReadResult, known: object) -> Path | None:
    """The file of the project that an import is of, where it is among those that are known."""
    assert hasattr(known, "__contains__")
    level = len(name) - len(name.lstrip("."))
    parts = [part for part in name.lstrip(".").split(".") if part]
    if not parts:
        return None
    folder = result.file.path.parent
    if level:
        for _ in range(level - 1):
            folder = folder.parent
        starts = [folder]
    else:
        starts = list(
            dict.fromkeys(
                [folder, result.file.root, result.file.root / "src", *_list_parents(folder, result.file.root)]
            )
        )
    for start in starts:
        base = start.joinpath(*parts)
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate in known:
                return candidate
    return None


def _list_parents(folder: Path, root: Path) -> Iterator[Path]:
    for parent in folder.parents:
        yield parent
        if parent == root:
            return
