"""What a distribution owns: the files of its RECORD that lie inside the environment, whatever RECORD says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.prefix import Prefix
    from envtool.wheel.record import RecordRow


@dataclass(frozen=True)
class PathBoundary:
    """The folders that an environment's files may be in: its prefix and its site-packages, where they really are."""

    roots: tuple[str, ...]
    _known: dict[Path, bool] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, prefix: Prefix) -> PathBoundary:
        """The bounds of a prefix."""
        return cls(tuple(dict.fromkeys(os.path.realpath(path) for path in (prefix.path, prefix.site_packages))))

    def contains(self, path: Path) -> bool:
        """Whether the entry `path` itself lies inside, when all links on the way to it are followed.

        The entry may be a link that leads out: taking it away, or another's place, touches nothing outside.
        """
        parent = path.parent
        if parent not in self._known:
            real = os.path.realpath(parent)
            self._known[parent] = any(real == root or real.startswith(f"{root}/") for root in self.roots)
        return self._known[parent] and path.name not in {"", ".", ".."}


@dataclass(frozen=True)
class OwnedFiles:
    """The files inside, each with the bytecode that Python wrote for it, and the rows that lead outside."""

    inside: tuple[Path, ...]
    outside: tuple[str, ...]


def find_owned_files(item: Distribution, bounds: PathBoundary) -> OwnedFiles | None:
    """What the RECORD of a distribution lists, or `None` where it has none."""
    record = item.record()
    return select_owned_files(item, record.rows, bounds) if record is not None else None


def select_owned_files(item: Distribution, rows: Iterable[RecordRow], bounds: PathBoundary) -> OwnedFiles:
    """What some rows of a distribution's RECORD name."""
    inside: dict[Path, None] = {}
    outside: list[str] = []
    for row in rows:
        path = Path(os.path.normpath(item.site_packages / row.path))
        if bounds.contains(path):
            inside |= dict.fromkeys((path, *find_bytecode(path)))
        else:
            outside.append(row.path)
    return OwnedFiles(tuple(inside), tuple(outside))


def find_bytecode(path: Path) -> Iterator[Path]:
    """The `.pyc` files that Python keeps beside a module (PEP 3147)."""
    if path.suffix == ".py":
        yield from (path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc")
