"""The layers of an image, as the file system that a container would see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from envtool.image.read.layer import Kind

if TYPE_CHECKING:
    from envtool.image.read.layer import LayerEntry
    from envtool.image.read.overlay import Overlay


class OverlayTree:
    """See `environment.file_tree.FileTree`; folders that were not captured are there where something in them was."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay

    def link_target(self, path: str) -> str | None:
        """See `FileTree`."""
        entry = self._find(path)
        return entry.target if entry is not None and entry.kind is Kind.LINK else None

    def is_folder(self, path: str) -> bool:
        """See `FileTree`."""
        entry = self._find(path)
        if entry is not None:
            return entry.kind is Kind.FOLDER
        return path.strip("/") in self._folders

    def is_file(self, path: str) -> bool:
        """See `FileTree`."""
        entry = self._find(path)
        return entry is not None and entry.kind is Kind.FILE

    def list_names(self, path: str) -> Sequence[str]:
        """See `FileTree`."""
        return self._folders.get(path.strip("/"), ())

    def read(self, path: str) -> bytes | None:
        """See `FileTree`."""
        return self._overlay.data(path.strip("/"))

    def _find(self, path: str) -> LayerEntry | None:
        return self._overlay.entries.get(path.strip("/"))

    @cached_property
    def _folders(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, set[str]] = {}
        for path in self._overlay.entries:
            while path:
                folder, _, name = path.rpartition("/")
                names = found.setdefault(folder, set())
                if name in names:
                    break
                names.add(name)
                path = folder
        return {folder: tuple(sorted(names)) for folder, names in found.items()}
