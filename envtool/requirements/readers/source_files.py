"""Where the files are that a dependency file names, and what becomes of what cannot be read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from envtool.authors import find_authors
from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.link_rights import may_name_file
from envtool.requirements.readers.base_images import BaseImages
from envtool.requirements.text_file import read_text

if TYPE_CHECKING:
    from envtool.requirements.model import SourceLocation

_ON_A_NETWORK = re.compile(r"^(?!file:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class SourceFiles:
    """How readers get at files. Files that name each other do so by paths from their own folder.

    `is_lenient`: a line that cannot be read is told beside the others, in the place of an error. `fetch` gives the text
    at an address; without it nothing is fetched. `context` is the folder that Dockerfiles are built in, where one was
    named, and `build_arguments` what `docker build --build-arg` gives them; `base_images` are those that are held to
    the vendor's versions. `variables` are what lines may name, `None` where they may name none.
    """

    is_lenient: bool = False
    fetch: Callable[[str], str] | None = None
    context: Path | None = None
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    base_images: BaseImages = field(default_factory=BaseImages)
    variables: Mapping[str, str | None] | None = field(default_factory=lambda: os.environ)

    def find_variables(self, path: Path) -> Mapping[str, str | None] | None:
        """What `${NAME}` in a file stands for; `None` where its author must not learn that.

        A line can send a value to any address. Root's own ones are for root's own lines.
        """
        return None if self.variables is os.environ and find_authors([path]) else self.variables

    def read(self, path: Path) -> str:
        """The text of a file. Raises `RequirementsError`."""
        return read_text(path)

    def locate(self, place: SourceLocation, name: str) -> Path:
        """The file that a line calls `name`. Raises `RequirementsError` where there is none."""
        folder = place.path.parent
        inner = folder / unquote(urlsplit(name).path if name.startswith("file:") else name)
        if not inner.exists():
            raise RequirementsError(
                tell("{place}: {name} does not exist", place=place, name=name),
                why=tell("looked for as {inner}", inner=inner),
                remedy=f"ls {inner.parent}",
            )
        if not may_name_file(place.path, inner):
            raise RequirementsError(
                tell("{place}: {name} is not read", place=place, name=name),
                why=tell("whoever wrote {path} may not read it, and this is root", path=place.path),
                remedy=f"ls -l {place.path} {inner}",
            )
        return inner

    def fetch_text(self, place: SourceLocation, address: str) -> str:
        """The text at an address that a line names. Raises `RequirementsError`, and `SourceError` as `fetch` does."""
        if self.fetch is None:
            raise RequirementsError(
                tell("{place}: {address} is on a network", place=place, address=address),
                why=tell("only files on this machine are read here"),
                remedy=tell("curl -O {address}   (and name the file instead)", address=address),
            )
        return self.fetch(address)


def is_on_network(name: str) -> bool:
    """Whether a file is named by an address that has to be fetched."""
    return _ON_A_NETWORK.match(name) is not None
