"""Where an environment is and what its interpreter would be started with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from envtool.environment.file_tree import DiskTree, FileTree
from envtool.language import map_parts


class Location(Enum):
    """What holds the file system that an environment is in."""

    MACHINE = "machine"
    IMAGE = "image"
    CONTAINER = "container"


@dataclass(frozen=True, kw_only=True)
class EnvironmentContext:
    """What an environment is in, and what its interpreter would be started with.

    `reference` names the image or the container, and `root` is the folder that stands for its `/`. `variables` are the
    environment variables. `is_explicit`: a person named the prefix, so it need not be the active one. `command` is what
    a container runs, in `folder`. `tree` is another view of the same files, where there is a better one than `root`.
    """

    location: Location = Location.MACHINE
    reference: str = ""
    root: Path = Path("/")
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    is_explicit: bool = True
    command: tuple[str, ...] = ()
    folder: str = "/"
    tree: FileTree | None = None

    @property
    def files(self) -> FileTree:
        """The file system, by its inner paths."""
        return self.tree if self.tree is not None else DiskTree(self.root)

    @property
    def starts_by_path(self) -> bool:
        """Whether the question is which torch `python` imports, as it is of an image whose prefix nobody named."""
        return not self.is_local and not self.is_explicit

    @property
    def is_local(self) -> bool:
        """Whether the environment is on this machine, where its interpreter can be run."""
        return self.location is Location.MACHINE

    def locate(self, path: str | Path) -> Path:
        """Turn an absolute path of the file system into where it is on this machine."""
        return self.root / str(path).lstrip("/")

    def display(self, text: str) -> str:
        """Replace paths on this machine in `text` by what they are called inside of the file system."""
        return text if self.is_local else map_parts(text, lambda part: part.replace(f"{self.root}/", "/"))
