"""Lists what to remove with a distribution: whole folders where no other distribution has files in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.owned_files import PathBoundary, select_owned_files

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment


@dataclass
class FileOwnership:
    """What the distributions `leaving` own. `refused` collects the RECORD rows that are no files of theirs."""

    environment: Environment
    leaving: set[str]
    refused: list[str] = field(default_factory=list)
    _shared: dict[str, frozenset[str]] = field(default_factory=dict)

    def list_paths(self, items: Iterable[Distribution]) -> tuple[Path, ...]:
        """The files and whole folders to take away with some distributions that leave."""
        found: dict[Path, None] = {}
        bounds = PathBoundary.of(self.environment.prefix)
        for item in items:
            # What an .egg-link leads to is a person's own work, somewhere else.
            if bounds.contains(item.path):
                found[item.path] = None
            else:
                self.refused.append(str(item.path))
            record = item.record()
            single = []
            # Texts until the end: thousands of rows lead to a handful of folders.
            tops: dict[str, None] = {}
            for row in record.rows if record is not None else ():
                top = self._find_own_folder(row.path)
                if top is not None:
                    tops[top] = None
                else:
                    single.append(row)
            paths = [item.site_packages / top for top in tops]
            found |= dict.fromkeys(path for path in paths if bounds.contains(path) and os.path.lexists(path))
            owned = select_owned_files(item, single, bounds)
            self.refused += owned.refused
            found |= dict.fromkeys(path for path in owned.inside if not self._is_kept(item, path))
        return tuple(found)

    def _find_own_folder(self, row: str) -> str | None:
        """The folder of site-packages that a row is below, where nothing that stays has files in it."""
        top, separator, rest = row.partition("/")
        if (
            not separator
            or top in {"", ".", ".."}
            or (".." in rest and ".." in rest.split("/"))
            or self._list_kept(top)
        ):
            return None
        return top

    def _is_kept(self, item: Distribution, path: Path) -> bool:
        if not path.is_relative_to(item.site_packages):
            return False
        parts = path.relative_to(item.site_packages).parts
        return "/".join(parts) in self._list_kept(parts[0])

    def _list_kept(self, top: str) -> frozenset[str]:
        """The rows below a folder of site-packages that belong to what stays."""
        if top not in self._shared:
            self._shared[top] = frozenset(list_foreign_files(self.environment, top, self.leaving))
        return self._shared[top]


def list_foreign_files(environment: Environment, top: str, leaving: set[str]) -> Iterator[str]:
    """The RECORD paths below `top` that belong to distributions other than `leaving`."""
    # Most RECORDs do not mention the folder at all; a search in the bytes is far cheaper than parsing.
    needle = f"{top}/".encode()
    for item in environment.distributions:
        if item.name in leaving:
            continue
        data = item.read("RECORD")
        if data is None or not (data.startswith(needle) or b"\n" + needle in data):
            continue
        record = item.record()
        yield from (row.path for row in (record.rows if record else ()) if row.path.startswith(f"{top}/"))
