"""The wheel store: files under their sha256, so that a build or a restore needs no network.

Layout: `<root>/sha256/<first two digits>/<sha256>/<file name>`. A file appears there whole or not at all. It is hashed
each time that it is to be used; what others could change meanwhile is used as a copy in a folder of this user's own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from envtool.allowed_folder import open_allowed_folder
from envtool.cache_folder import find_cache_root
from envtool.errors import SourceError, StoreError
from envtool.language import tell
from envtool.private_folder import is_private, make_private_folder
from envtool.temporary_folder import temporary_folder
from envtool.wheel.name import compute_sha256, require_sha256

ENVIRONMENT_VARIABLE = "HAC_STORE"
_OWN_FOLDER = tell(
    'export {variable}="$(mktemp -d)"   (or another folder that only you can write)', variable=ENVIRONMENT_VARIABLE
)
# Where an image keeps the wheels of its own release.
IMAGE_STORE = Path("/opt/hac/store")


@dataclass(frozen=True)
class FileStore:
    """A content-addressed folder. `fallbacks` are read, never written: an image's own store, say.

    `own` is the folder for copies of what lies where others can write.
    """

    root: Path
    fallbacks: tuple[Path, ...] = ()
    own: Path | None = None
    # What this process has hashed already; nobody else can have changed it since.
    _verified: dict[str, Path] = field(default_factory=dict, compare=False, repr=False)

    def has(self, sha256: str) -> bool:
        """Whether there is a file under that sha256. Nothing says that it has it: that, `find` does."""
        return sha256 in self._verified or any(True for _path in self._list_stored(sha256))

    def find(self, sha256: str) -> Path | None:
        """The stored file that has that sha256 now, or `None`. Raises `StoreError` where it cannot be used safely."""
        if sha256 not in self._verified:
            for path in self._list_stored(sha256):
                usable = path if is_private(path) else self._adopt(path, sha256)
                if usable is not None and _has_sha256(usable, sha256):
                    self._verified[sha256] = usable
                    break
        return self._verified.get(sha256)

    def find_unhashed(self, sha256: str) -> Path | None:
        """The stored file under that sha256 that only this user and root can change, or `None`; it is not hashed.

        For whoever has a hash of each part that he takes from it.
        """
        return next((path for path in self._list_stored(sha256) if is_private(path)), None)

    def add(self, path: Path, *, expected: str | None = None, name: str | None = None) -> Path:
        """Store a copy of `path` and return where it is.

        Raises `HashError` where it has not the sha256 `expected`, `StoreError` where it cannot be written.
        """
        sha256 = compute_sha256(path)
        if expected is not None and sha256 != expected:
            require_sha256(path, expected, label=name)
        if self.find(sha256) is None:
            with self._write_incoming(self.root, sha256, name or path.name) as incoming:
                _copy_file(path, incoming)
                # The copy, as the file may be another by now.
                require_sha256(incoming, sha256, label=name or path.name)
        found = self.find(sha256)
        assert found is not None
        return found

    def _list_stored(self, sha256: str) -> Iterator[Path]:
        """The files under a sha256, those first that nobody else can change."""
        roots = (self.root, *self.fallbacks, *((self.own,) if self.own is not None else ()))
        for root in sorted(roots, key=lambda root: not is_private(root)):
            with contextlib.suppress(OSError):
                for path in sorted(_get_folder(root, sha256).iterdir()):
                    if not path.name.startswith(".") and path.is_file():
                        yield path

    def _adopt(self, path: Path, sha256: str) -> Path | None:
        """Copy a file that others can change to the folder of this user's own. `None` where it is another file."""
        if self.own is None or not make_private_folder(self.own):
            raise StoreError(
                tell("{parent} is not used: others than this user and root can write there", parent=path.parent),
                why=tell("and there is no folder of this user's own for a copy that is safe from them"),
                remedy=_OWN_FOLDER,
            )
        if not _has_sha256(path, sha256):
            return None
        with self._write_incoming(self.own, sha256, path.name) as incoming:
            _copy_file(path, incoming)
        return _get_folder(self.own, sha256) / path.name

    @property
    def partial(self) -> Path:
        """Where downloads are until they are whole: a folder that nobody else can write, where there is one."""
        return (self.root if self.own is None or is_private(self.root) else self.own) / "partial"

    def unpacked_folder(self, sha256: str) -> Path:
        """Where the files of the wheel with that sha256 are kept unpacked, if they are (`wheel.unpacked_store`)."""
        return self.root / "unpacked" / sha256

    @staticmethod
    @contextmanager
    def _write_incoming(root: Path, sha256: str, name: str) -> Iterator[Path]:
        """Yield a path to write to; it becomes the stored file if the block succeeds."""
        folder = _get_folder(root, sha256)
        try:
            with translate_store_errors(folder):
                with open_allowed_folder(folder, make=True) as inside, temporary_folder(inside) as scratch:
                    incoming = scratch / name
                    yield incoming
                    incoming.chmod(0o644)
                    incoming.replace(inside / name)
        except BaseException:
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
                tell("the disk that holds {folder} is full", folder=folder),
                why=tell("the file was not kept; what was there before is as it was"),
                remedy=tell(
                    "make room, or set {environment_variable} to a folder on another disk",
                    environment_variable=ENVIRONMENT_VARIABLE,
                ),
            ) from error
        raise StoreError(
            tell("{folder} cannot be written", folder=folder),
            why=str(error.strerror or error),
            remedy=tell(
                "set {environment_variable} to a folder that you may write", environment_variable=ENVIRONMENT_VARIABLE
            ),
        ) from error


def get_default_store() -> FileStore:
    """The user's store, with that of the image as a fallback. Raises `StoreError`."""
    named, cache = os.environ.get(ENVIRONMENT_VARIABLE), find_cache_root()
    own = cache / "store" if cache is not None and make_private_folder(cache) else None
    root = Path(named).absolute() if named else own
    if root is None:
        raise StoreError(
            tell("there is no folder for the wheel store"),
            why=tell("this user has no home folder that is his own, and neither HAC_STORE nor XDG_CACHE_HOME is set"),
            remedy=_OWN_FOLDER,
        )
    return FileStore(root, tuple(path for path in (IMAGE_STORE,) if path != root and path.is_dir()), own)


def _get_folder(root: Path, sha256: str) -> Path:
    return root / "sha256" / sha256[:2] / sha256


def _has_sha256(path: Path, sha256: str) -> bool:
    try:
        return compute_sha256(path) == sha256
    except SourceError:
        return False


def _copy_file(source: Path, target: Path) -> None:
    # A hard link would let a later edit of the source change what is stored under its old hash.
    shutil.copyfile(source, target)
    with open(target, "rb") as stream:
        os.fsync(stream.fileno())
