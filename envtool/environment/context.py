"""Where an environment is and what its interpreter would be started with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Location(Enum):
    """What holds the file system that an environment is in."""

    MACHINE = "machine"
    IMAGE = "image"
    CONTAINER = "container"


@dataclass(frozen=True, kw_only=True)
class EnvironmentContext:
    """What an environment is in, and what its interpreter would be started with.

    `reference` names the image or the container, and `root` is the folder that stands for its `/`. `variables` are the
    environment variables. `is_explicit`: a person named the prefix, so it need not be the active one.
    """

    location: Location = Location.MACHINE
    reference: str = ""
    root: Path = Path("/")
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    is_explicit: bool = True

    @property
    def is_local(self) -> bool:
        """Whether the environment is on this machine, where its interpreter can be run."""
        return self.location is Location.MACHINE

    def locate(self, path: str | Path) -> Path:
        """Turn an absolute path of the file system into where it is on this machine."""
        return self.root / str(path).lstrip("/")

    def display(self, text: str) -> str:
        """Replace paths on this machine in `text` by what they are called inside of the file system."""
        return text if self.is_local else text.replace(f"{self.root}/", "/")
