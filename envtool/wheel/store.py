"""The wheel store: files under their sha256, so that a build or a restore needs no network.

Layout: `<root>/sha256/<first two digits>/<sha256>/<file name>`. A file appears there whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from envtool.cache_folder import find_cache_root
from envtool.errors import StoreError
from envtool.wheel.name import compute_sha256, require_sha256

ENVIRONMENT_VARIABLE = "HAC_STORE"
# Where an image keeps the wheels of its own release.
IMAGE_STORE = Path("/opt/hac/store")


@dataclass(frozen=True)
class FileStore:
    """A content-addressed folder. `fallbacks` are read, never written: an image's own store, say."""

    root: Path
    fallbacks: tuple[Path, ...] = ()

    def find(self, sha256: str) -> Path | None:
        """The stored file with that sha256, or `None`."""
        for root in (self.root, *self.fallbacks):
            folder = _get_folder(root, sha256)
            with contextlib.suppress(OSError):
                for path in folder.iterdir():
                    if not path.name.startswith("."):
                        return path
        return None

    def add(self, path: Path, *, expected: str | None = None, name: str | None = None) -> Path:
        """Store a copy of `path` and return where it is.

        Raises `HashError` where it has not the sha256 `expected`, `StoreError` where it cannot be written.
        """
        sha256 = compute_sha256(path)
        if expected is not None and sha256 != expected:
            require_sha256(path, expected, label=name)
        found = self.find(sha256)
        if found is not None:
            return found
        with self._write_incoming(sha256, name or path.name) as incoming:
            _copy_file(path, incoming)
        return _get_folder(self.root, sha256) / (name or path.name)

    def unpacked_folder(self, sha256: str) -> Path:
        """Where the files of the wheel with that sha256 are kept unpacked, if they are (`wheel.unpacked_store`)."""
        return self.root / "unpacked" / sha256

    @contextmanager
    def _write_incoming(self, sha256: str, name: str) -> Iterator[Path]:
        """Yield a path to write to; it becomes the stored file if the block succeeds."""
        folder = _get_folder(self.root, sha256)
        with translate_store_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            handle, text = tempfile.mkstemp(prefix=".incoming-", dir=folder)
        incoming = Path(text)
        try:
            with translate_store_errors(folder):
                os.close(handle)
                yield incoming
                incoming.chmod(0o644)
                incoming.replace(folder / name)
        except BaseException:
            incoming.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise


@contextmanager
def translate_store_errors(folder: Path) -> Iterator[None]:
    """Raise an `OSError` of writing below `folder` as `StoreError`."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StoreError(
                f"the disk that holds {folder} is full",
                why="the file was not kept; what was there before is as it was",
                remedy=f"make room, or set {ENVIRONMENT_VARIABLE} to a folder on another disk",
            ) from error
        raise StoreError(
            f"{folder} cannot be written",
            why=str(error.strerror or error),
            remedy=f"set {ENVIRONMENT_VARIABLE} to a folder that you may write",
        ) from error


def get_default_store() -> FileStore:
    """The user's store, with that of the image as a fallback. Raises `StoreError`."""
    named, cache = os.environ.get(ENVIRONMENT_VARIABLE), find_cache_root()
    if named:
        root = Path(named)
    elif cache is not None:
        root = cache / "store"
    else:
        raise StoreError(
            "there is no folder for the wheel store",
            why="this user has no home folder, and neither HAC_STORE nor XDG_CACHE_HOME is set",
            remedy="export HAC_STORE=DIRECTORY",
        )
    return FileStore(root, tuple(path for path in (IMAGE_STORE,) if path != root and path.is_dir()))


def _get_folder(root: Path, sha256: str) -> Path:
    return root / "sha256" / sha256[:2] / sha256


def _copy_file(source: Path, target: Path) -> None:
    # A hard link would let a later edit of the source change what is stored under its old hash.
    shutil.copyfile(source, target)
    with open(target, "rb") as stream:
        os.fsync(stream.fileno())
