"""The folders that one change may touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envtool.transaction.owner import Owner, find_owner


@dataclass(frozen=True, kw_only=True)
class ChangeScope:
    """What a change may touch: `roots` are folders, by the names that they have in its journal.

    `prefix` is the environment that messages name, `lock` the folder that is locked, and `folder` the one of the roots
    that the staging folder lies in.
    """

    prefix: Path
    lock: Path
    folder: Path
    roots: Mapping[str, Path]
    further: tuple[Path, ...] = ()

    def find_owner(self) -> Owner | None:
        """As whom root makes the change; see `owner.find_owner`. Raises `RestoreError` where there are two."""
        return find_owner(self._list_folders())

    def _list_folders(self) -> Iterator[Path]:
        """The roots and `further` folders, with what is above them and below another root."""
        for path in (*self.roots.values(), *self.further):
            yield path
            yield from (up for up in path.parents if any(up.is_relative_to(root) for root in self.roots.values()))
