"""What a distribution owns: the files of its RECORD that lie inside the environment, whatever RECORD says."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.prefix import PrefixKind
from envtool.errors import RestoreError
from envtool.transaction.regular_file import read_regular_file

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.prefix import Prefix
    from envtool.wheel.record import RecordRow

# Bytes: what pip writes has some hundreds.
_LARGEST_COMMAND = 1 << 20


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


def refuse_foreign_commands(prefix: Prefix, finals: Iterable[Path]) -> None:
    """Refuse to replace commands of others, where the folder of commands is a link out of the environment.

    Raises `RestoreError`.
    """
    real = os.path.realpath(prefix.scripts)
    # That of a system's Python is always elsewhere, and is there for its commands.
    if prefix.kind is PrefixKind.SYSTEM or f"{real}/".startswith(f"{os.path.realpath(prefix.path)}/"):
        return
    for path in finals:
        if path.parent == prefix.scripts and os.path.lexists(path) and not _is_own_command(prefix, path):
            raise RestoreError(
                f"{path} would be replaced, which is not a command of this environment",
                why=f"{prefix.scripts} is a link to {real}",
                remedy=f"mv {shlex.quote(f'{real}/{path.name}')} ELSEWHERE, or make {prefix.scripts} a folder",
            )


def _is_own_command(prefix: Prefix, path: Path) -> bool:
    """Whether a script names the environment's interpreter in its first lines."""
    try:
        return f"{prefix.path}/bin/python".encode() in read_regular_file(path, _LARGEST_COMMAND)[:1024]
    except OSError:
        return False


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
