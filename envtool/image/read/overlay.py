"""Layers, one on top of the other: what a container would see, and which layer each entry came from.

Format: OCI image specification, "Image Layer Filesystem Changeset", "Applying Changesets". A whiteout hides what lower
layers have at a path, an opaque one what they have below a folder; neither touches its own layer's entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from envtool.image.read.layer import Kind, LayerContents, LayerEntry


@dataclass(frozen=True)
class LayerChanges:
    """What a layer did: entries that are new or took another's place, with what was there, and entries that went."""

    added: Mapping[str, tuple[LayerEntry | None, LayerEntry]]
    removed: Mapping[str, LayerEntry]

    def list_content_changes(self) -> Iterator[tuple[str, LayerEntry | None, LayerEntry | None]]:
        """Each path whose bytes changed, with the entry before and after; a mere change of owner or mode is none."""
        for path, (before, after) in self.added.items():
            if before is None or not before.has_same_content(after):
                yield path, before, after
        for path, entry in self.removed.items():
            yield path, entry, None


@dataclass
class Overlay:
    """The entries that are visible, and the number of the layer, from 1, that each came with."""

    entries: dict[str, LayerEntry] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)

    def apply(self, number: int, layer: LayerContents) -> LayerChanges:
        """Lay a layer over what is there."""
        removed = {path: self.entries[path] for path in list(self._find_hidden(layer))}
        for path in removed:
            del self.entries[path], self.origins[path]
        added: dict[str, tuple[LayerEntry | None, LayerEntry]] = {}
        for path, entry in layer.entries.items():
            before = removed.pop(path, None) or self.entries.get(path)
            added[path] = (before, entry)
            self.entries[path] = entry
            self.origins[path] = number
        return LayerChanges(added, removed)

    def data(self, path: str) -> bytes | None:
        """The content of a file that was kept."""
        entry = self.entries.get(path)
        return entry.data if entry is not None else None

    def _find_folders(self) -> set[str]:
        found: set[str] = set()
        for path in self.entries:
            folder = path.rpartition("/")[0]
            # What is above a folder that was met before was met as well.
            while folder and folder not in found:
                found.add(folder)
                folder = folder.rpartition("/")[0]
        return found

    def _find_hidden(self, layer: LayerContents) -> Iterator[str]:
        """The entries of lower layers that the layer takes away."""
        folders = self._find_folders()
        instead = {path for path, entry in layer.entries.items() if entry.kind is not Kind.FOLDER}
        # What is no folder takes the place of one with all that is below it.
        whole = (layer.whiteouts | layer.non_folders | instead) & folders | layer.whiteouts & self.entries.keys()
        opaque = layer.opaque & (folders | {""})
        if not whole and not opaque:
            return
        for path in self.entries:
            if (
                path in layer.whiteouts
                or any(above in whole or above in opaque for above in _list_parents(path))
                or "" in opaque
            ):
                yield path


def _list_parents(path: str) -> Iterator[str]:
    """The folders that a path is in, the innermost first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def merge_layers(layers: Iterable[LayerContents]) -> Overlay:
    """What all layers together make."""
    overlay = Overlay()
    for number, layer in enumerate(layers, 1):
        overlay.apply(number, layer)
    return overlay
