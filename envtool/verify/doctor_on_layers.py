"""The doctor on an image's files: its layers' overlay, laid out as the folder that the doctor reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING

from envtool.doctor.checks.cuda_direct import can_need_cuda, content_can_need_cuda
from envtool.doctor.diagnose import diagnose
from envtool.environment.accounts import find_home
from envtool.environment.context import EnvironmentContext, Location
from envtool.environment.import_files import condense_interpreter
from envtool.environment.prefix import find_prefix
from envtool.environment.reader import read_environment
from envtool.errors import PrefixError, StoreError
from envtool.image.read.layer import FileSelector
from envtool.image.read.overlay import merge_layers
from envtool.image.read.overlay_tree import OverlayTree
from envtool.image.read.reference import read_image
from envtool.image.read.rootfs_export import find_memory_folder
from envtool.image.read.sparse_rootfs import SparseRootfs, select_for_rootfs
from envtool.language import tell
from envtool.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from envtool.doctor.findings import Report
    from envtool.image.read.image import StoredImage
    from envtool.image.read.overlay import Overlay
    from envtool.release.pin import VendorPin

_BLOCK = 1 << 20
# A smaller shared object is looked at in memory; nearly all are, and need no place on a disk.
_IN_MEMORY = 8 << 20


@dataclass
class LibrarySpool:
    """A folder for the shared objects that may ask for CUDA; all others are looked at and let go."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def spool(self, stream: IO[bytes]) -> Path | None:
        """Keep a shared object's content if it may matter."""
        block = stream.read(_IN_MEMORY)
        is_all = len(block) < _IN_MEMORY
        if is_all and not content_can_need_cuda(block):
            return None
        # Several images may be read at a time.
        path = self.folder / str(next(self.numbers))
        with open(path, "wb") as target:
            while block:
                self._write(target, block)
                block = stream.read(_BLOCK)
        if is_all or can_need_cuda(str(path)):
            return path
        path.unlink()
        return None

    def _write(self, target: IO[bytes], block: bytes) -> None:
        """Else a full disk would be taken for a fault of the image that is being read."""
        try:
            target.write(block)
            target.flush()
        except OSError as error:
            raise StoreError(
                tell("the disk is full: {parent}", parent=self.folder.parent),
                why=tell("there was no room for a shared object of the image: {strerror}", strerror=error.strerror),
                remedy=tell("make room, or set TMPDIR to a folder on another disk"),
            ) from error


@contextmanager
def library_spool() -> Iterator[LibrarySpool]:
    """A shelf that is cleared away in the end."""
    with temporary_folder() as folder:
        yield LibrarySpool(folder)


@contextmanager
def stored_image_context(reference: str, *, is_explicit: bool) -> Iterator[EnvironmentContext]:
    """What the doctor reads of an image in a file, a folder or a registry.

    Raises `ImageError`, `EngineError`.
    """
    with library_spool() as spool:
        selector = FileSelector(select_for_rootfs, spool.spool, condense=condense_interpreter, keeps_links=True)
        image = read_image(reference, selector, project=Path())
        with _lay_out(image, merge_layers(image.layers), is_explicit=is_explicit) as context:
            yield context


def diagnose_image_files(image: StoredImage, overlay: Overlay, pin: VendorPin | None = None) -> Report | None:
    """Doctor's report on the environment that a container would use; `None` where the image has none.

    `pin` is what it is held against, else what the environment itself says.
    """
    with _lay_out(image, overlay, is_explicit=False) as context:
        try:
            prefix = find_prefix(context=context)
        except PrefixError:
            return None
        return diagnose(read_environment(prefix, context), pin)


@contextmanager
def _lay_out(image: StoredImage, overlay: Overlay, *, is_explicit: bool) -> Iterator[EnvironmentContext]:
    """A folder with what the doctor reads of the files, for the time of the block."""
    with temporary_folder(find_memory_folder()) as root:
        SparseRootfs(root=root).extract_entries(overlay.entries.values())
        user = str(image.container_config.get("User") or "0")
        tree = OverlayTree(overlay)
        variables = {"HOME": find_home(tree, user), **image.variables}
        yield EnvironmentContext(
            location=Location.IMAGE,
            reference=image.reference,
            root=root,
            variables=variables,
            is_explicit=is_explicit,
            command=image.command,
            folder=image.start_folder,
            tree=tree,
        )


def has_path(overlay: Overlay, path: str) -> bool:
    """Whether a path is there, links followed inside of the image."""
    current = path.lstrip("/")
    for _ in range(40):
        entry = overlay.entries.get(current)
        if entry is not None and entry.target:
            base = "" if entry.target.startswith("/") else os.path.dirname(current)  # noqa: PTH120
            current = os.path.normpath(f"/{base}/{entry.target}").lstrip("/")
            continue
        parent, _, name = current.rpartition("/")
        above = overlay.entries.get(parent) if parent else None
        if entry is None and above is not None and above.target:
            base = "" if above.target.startswith("/") else os.path.dirname(parent)  # noqa: PTH120
            current = os.path.normpath(f"/{base}/{above.target}/{name}").lstrip("/")
            continue
        return entry is not None
    return False
