"""The folders that one change may touch, and its paths below them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RestoreError
from envtool.language import tell
from envtool.transaction.lock import prefix_lock, translate_os_errors
from envtool.transaction.open_folder import open_beneath, open_folder, read_path
from envtool.transaction.owner import find_owner
from envtool.transaction.permissions import umask_like

if TYPE_CHECKING:
    from envtool.transaction.owner import Owner


@dataclass(frozen=True)
class RootPath:
    """A path below one of the roots of a change: plain names, of which none leads up."""

    root: str
    path: str

    @property
    def folder(self) -> str:
        """The path of the folder that holds it; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Its name in that folder."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class ChangeScope:
    """What a change may touch: `roots` are folders, by the names that they have in its journal.

    `prefix` is the environment that messages name, `lock` the folder that is locked, and `staging_root` the root that
    the staging folder lies in. `further` folders tell who owns the environment as well.
    """

    prefix: Path
    lock: Path
    staging_root: str
    roots: Mapping[str, Path]
    further: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder that the staging folder lies in."""
        return self.roots[self.staging_root]

    def find_owner(self) -> Owner | None:
        """As whom root makes the change; see `owner.find_owner`. Raises `RestoreError` where there are two."""
        return find_owner(self._list_folders())

    @contextmanager
    def open(self) -> Iterator[OpenScope]:
        """Hold the lock and the roots open, with a umask like that of the folder.

        Links that lead to a root are followed here and never again. Raises `RestoreError`, also for any `OSError` of
        the block.
        """
        with (
            translate_os_errors(self.prefix),
            prefix_lock(self.prefix, self.lock),
            umask_like(self.folder),
            ExitStack() as stack,
        ):
            self._refuse_strange_links()
            handles = {name: stack.enter_context(open_folder(path)) for name, path in self.roots.items()}
            real = {name: read_path(handle, self.roots[name]) for name, handle in handles.items()}
            opened = OpenScope(self, handles, real)
            stack.callback(opened.close_parent)
            yield opened

    def _list_folders(self) -> Iterator[Path]:
        """The roots and `further` folders, with what is above them and below another root."""
        for path in (*self.roots.values(), *self.further):
            yield path
            yield from (up for up in path.parents if any(up.is_relative_to(root) for root in self.roots.values()))

    def _refuse_strange_links(self) -> None:
        for folder in self._list_folders():
            with suppress(OSError):
                found = os.lstat(folder)
                if stat.S_ISLNK(found.st_mode) and found.st_uid not in {0, os.geteuid()}:
                    raise RestoreError(
                        tell(
                            "{folder} is a link that user {st_uid} made, so nothing is written where it leads",
                            folder=folder,
                            st_uid=found.st_uid,
                        ),
                        why=tell("it leads to {realpath}", realpath=os.path.realpath(folder)),
                        remedy=tell("ls -ld {folder}   and make it a folder, or the link your own", folder=folder),
                    )


@dataclass
class OpenScope:
    """The open roots of a change. `real` are their paths, without a link."""

    scope: ChangeScope
    handles: Mapping[str, int]
    real: Mapping[str, str]
    _known: dict[str, str] = field(default_factory=dict)
    _parent: tuple[tuple[str, str], int] | None = None

    @property
    def folder(self) -> int:
        """The open folder that the staging folder lies in."""
        return self.handles[self.scope.staging_root]

    def locate(self, path: Path) -> RootPath:
        """Turn a path into one below a root, links on the way to it followed. Raises `RestoreError` for one outside."""
        parent = str(path.parent)
        if parent not in self._known:
            self._known[parent] = os.path.realpath(parent)
        found = f"{self._known[parent].rstrip('/')}/{path.name}"
        # The innermost root first.
        for root, top in sorted(self.real.items(), key=lambda item: len(item[1]), reverse=True):
            if found.startswith(f"{top.rstrip('/')}/"):
                place = RootPath(root, found[len(top.rstrip("/")) + 1 :])
                if not self.is_root(place) and path.name not in {"", ".", ".."}:
                    return place
        raise RestoreError(
            tell("{path} is outside the environment, or one of its main folders", path=path),
            why=tell("it is {found}, which a change must not touch; nothing was changed", found=found),
            remedy=tell("ls -ld {parent}   and, where it is a link, take it away", parent=path.parent),
        )

    def is_root(self, place: RootPath) -> bool:
        """Whether it is a root, or above one."""
        path = self.describe(place)
        return any(top == path or top.startswith(f"{path}/") for top in self.real.values())

    def describe(self, place: RootPath) -> str:
        """The absolute path."""
        return f"{self.real[place.root].rstrip('/')}/{place.path}"

    def open_parent(self, place: RootPath, *, make: bool = False) -> int | None:
        """The open folder that holds a place, or `None` where there is none; `make` makes it, and those above it.

        It is closed with the next one. Raises `OSError` for a link on the way.
        """
        key = (place.root, place.folder)
        if self._parent is not None and self._parent[0] == key:
            return self._parent[1]
        self.close_parent()
        root = self.handles[place.root]
        try:
            handle = open_beneath(root, place.folder or ".")
        except FileNotFoundError:
            if not make:
                return None
            _make_folders(root, place.folder)
            handle = open_beneath(root, place.folder)
        self._parent = (key, handle)
        return handle

    def close_parent(self) -> None:
        """Close the folder that `open_parent` returned last."""
        if self._parent is not None:
            os.close(self._parent[1])
            self._parent = None


def _make_folders(root: int, path: str) -> None:
    handle = os.dup(root)
    try:
        for name in path.split("/"):
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=handle)
            below = open_beneath(handle, name)
            os.close(handle)
            handle = below
    finally:
        os.close(handle)
