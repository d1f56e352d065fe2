"""What a distribution owns: the files of its RECORD that lie inside the environment, whatever RECORD says."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.prefix import PrefixKind
from envtool.errors import RestoreError
from envtool.language import tell
from envtool.release.pin import PIN_FILE
from envtool.transaction.staging import STAGING_NAME
from envtool.transaction.unlinked_file import read_unlinked_file

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.prefix import Prefix
    from envtool.wheel.record import RecordRow

_INTERPRETER = re.compile(r"python(\d+(\.\d+)?)?")
# Bytes: what pip writes has some hundreds.
_LARGEST_COMMAND = 1 << 20


@dataclass(frozen=True)
class PathBoundary:
    """The folders that a distribution's files may be in, where they really are.

    `roots` are an environment's prefix and its site-packages. `vital` are folders and files, with all that is in them,
    that the environment itself rests on, whatever a RECORD says; `programs` is the folder of its interpreter.
    """

    roots: tuple[str, ...]
    vital: tuple[str, ...] = ()
    programs: str = ""
    _known: dict[Path, str] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, prefix: Prefix) -> PathBoundary:
        """The bounds of a prefix."""
        roots = tuple(dict.fromkeys(os.path.realpath(path) for path in (prefix.site_packages, prefix.path)))
        version = f"python{prefix.python[0]}.{prefix.python[1]}"
        vital = [prefix.path / name for name in ("pyvenv.cfg", "conda-meta", PIN_FILE.parent, f"lib/{version}")]
        return cls(roots, tuple(map(os.path.realpath, vital)), os.path.realpath(prefix.path / "bin"))

    def contains(self, path: Path) -> bool:
        """Whether the entry `path` itself lies inside, when all links on the way to it are followed.

        The entry may be a link that leads out: taking it away, or another's place, touches nothing outside.
        """
        parent = path.parent
        if parent not in self._known:
            real = os.path.realpath(parent)
            self._known[parent] = real if self._is_free(real) else ""
        real = self._known[parent]
        if not real or path.name in {"", ".", "..", STAGING_NAME} or f"{real}/{path.name}" in self.vital:
            return False
        return real != self.programs or _INTERPRETER.fullmatch(path.name) is None

    def _is_free(self, folder: str) -> bool:
        """Whether distributions may have files in a folder."""
        if f"/{STAGING_NAME}/" in f"{folder}/":
            return False
        # Site-packages lies below a folder that is vital.
        for number, root in enumerate(self.roots):
            if f"{folder}/".startswith(f"{root.rstrip('/')}/"):
                return number == 0 or not any(f"{folder}/".startswith(f"{item}/") for item in self.vital)
        return False


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
                tell("{path} would be replaced, which is not a command of this environment", path=path),
                why=tell("{scripts} is a link to {real}", scripts=prefix.scripts, real=real),
                remedy=tell(
                    "mv {path} ELSEWHERE, or make {scripts} a folder",
                    path=shlex.quote(f"{real}/{path.name}"),
                    scripts=prefix.scripts,
                ),
            )


def _is_own_command(prefix: Prefix, path: Path) -> bool:
    """Whether a script names the environment's interpreter in its first lines."""
    try:
        return f"{prefix.path}/bin/python".encode() in read_unlinked_file(path, _LARGEST_COMMAND)[:1024]
    except OSError:
        return False


@dataclass(frozen=True)
class OwnedFiles:
    """The files inside that are there, each with the bytecode that Python wrote for it.

    `refused` are the rows that no distribution can have: they lead outside, name a folder or a part of the environment.
    """

    inside: tuple[Path, ...]
    refused: tuple[str, ...]


def find_owned_files(item: Distribution, bounds: PathBoundary) -> OwnedFiles | None:
    """What the RECORD of a distribution lists, or `None` where it has none."""
    record = item.record()
    return select_owned_files(item, record.rows, bounds) if record is not None else None


def select_owned_files(item: Distribution, rows: Iterable[RecordRow], bounds: PathBoundary) -> OwnedFiles:
    """What some rows of a distribution's RECORD name."""
    inside: dict[Path, None] = {}
    refused: list[str] = []
    for row in rows:
        path = Path(os.path.normpath(item.site_packages / row.path))
        # A link to a folder is a part of the environment as well, such as lib64.
        if not bounds.contains(path) or os.path.isdir(path):
            refused.append(row.path)
        else:
            inside |= dict.fromkeys((*((path,) if os.path.lexists(path) else ()), *find_bytecode(path, bounds)))
    return OwnedFiles(tuple(inside), tuple(refused))


def find_bytecode(path: Path, bounds: PathBoundary) -> Iterator[Path]:
    """The `.pyc` files that Python keeps beside a module (PEP 3147)."""
    if path.suffix == ".py":
        found = (path.parent / "__pycache__").glob(f"{glob.escape(path.stem)}.cpython-*.pyc")
        yield from (path for path in found if bounds.contains(path) and not os.path.isdir(path))
