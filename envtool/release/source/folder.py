"""A folder with wheels in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import SourceError
from envtool.language import tell
from envtool.regular_file import read_regular_file
from envtool.release.candidates import Candidate, find_torch_requirement
from envtool.release.profile import PINNED_NAMES
from envtool.release.signature import SUFFIX
from envtool.wheel.name import WheelName, read_wheel_metadata
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envtool.wheel.store import FileStore


@dataclass(frozen=True)
class FolderSource:
    """Wheels in one folder, not looked for below it; its programs are in `tools/`. `names` are the distributions."""

    folder: Path
    names: tuple[str, ...] = PINNED_NAMES

    @property
    def label(self) -> str:
        """The folder's path."""
        return str(self.folder)

    def list_candidates(self) -> tuple[Candidate, ...]:
        """The wheels of `names`; other files are passed over."""
        try:
            names = sorted(path.name for path in self.folder.iterdir() if path.suffix == ".whl")
        except OSError as error:
            raise SourceError(
                tell("the vendor folder {folder} cannot be read", folder=self.folder),
                why=str(error.strerror),
                remedy=tell("envtool vendor list   shows where the path comes from"),
            ) from error
        # Wheels of other projects may have any name; only ours must be well-formed.
        ours = (name for name in names if normalize_name(name.split("-", 1)[0]) in self.names)
        return tuple(Candidate(WheelName.parse(name), str(self.folder / name)) for name in ours)

    def read_torch_requirement(self, candidate: Candidate) -> Requirement | None:
        """Read from the wheel's own metadata."""
        return find_torch_requirement(read_wheel_metadata(Path(candidate.location)))

    def fetch(self, candidate: Candidate, store: FileStore) -> Path:
        """Copy the wheel into the store."""
        return store.add(Path(candidate.location), expected=candidate.sha256)

    def read_signature(self, filename: str) -> str | None:
        """A file beside the wheel."""
        try:
            return read_regular_file(self.folder / f"{filename}{SUFFIX}").decode()
        except (OSError, UnicodeDecodeError):
            return None

    def find_tool(self, name: str) -> Path | None:
        """A file in the folder's `tools/`."""
        path = self.folder / "tools" / name
        return path if path.is_file() else None
