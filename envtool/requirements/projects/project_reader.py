"""Reads what local projects and git repositories require, each once, and stands a wheel of metadata in for them."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envtool.authors import find_tree_authors
from envtool.errors import EnvtoolError, RequirementsError, ResolutionError, SetupError, SourceError
from envtool.language import tell
from envtool.requirements.projects.build_backend import ask_build_backend
from envtool.requirements.projects.checkout import check_out, parse_git_address
from envtool.requirements.projects.project_metadata import ProjectMetadata, read_static_metadata
from envtool.requirements.projects.source_copy import copy_project, list_project_files
from envtool.temporary_folder import temporary_folder
from envtool.transaction.owner import lend, make_process_options

if TYPE_CHECKING:
    from envtool.requirements.resolve import Resolver

# What makes a folder a project.
_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
# Seconds for git to bring one commit.
_GIT_TIME = 60.0


@dataclass(frozen=True)
class ReadProject:
    """A project's metadata, and a wheel that has nothing else. STAND-IN: it is never installed."""

    metadata: ProjectMetadata
    wheel: Path


@dataclass
class ProjectReader:
    """Reads projects for the target of a resolver: where that must build nothing, only what runs nobody's code.

    Keeps every answer, and every error. Safe for several threads.
    """

    resolver: Resolver
    folder: Path
    _found: dict[str, ReadProject | EnvtoolError] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, link: str) -> ReadProject | None:
        """The project at an absolute path, a `file:` address or a `git+` address; `None` for any other address.

        Raises `RequirementsError`, `ResolutionError`, `SetupError` and `SourceError`.
        """
        place = find_local_path(link)
        if parse_git_address(link) is None and (place is None or not place.is_dir()):
            return None
        # One after the other: a build takes what there is of the machine.
        with self._lock:
            if link not in self._found:
                try:
                    self._found[link] = self._read(link, place)
                except (RequirementsError, ResolutionError, SetupError, SourceError) as error:
                    self._found[link] = error
        found = self._found[link]
        if isinstance(found, EnvtoolError):
            raise found
        return found

    def _read(self, link: str, place: Path | None) -> ReadProject:
        with self._work_folder() as work:
            address = parse_git_address(link)
            shown = str(place) if place is not None else link
            if address is not None:
                place = self._check_out(link, work)
            assert place is not None
            metadata = self._read_metadata(place, work, shown)
        self._require_python(metadata, shown)
        return ReadProject(metadata, self._write_wheel(metadata))

    def _check_out(self, link: str, work: Path) -> Path:
        address = parse_git_address(link)
        assert address is not None
        owner, variables = self.resolver.target.owner, self.resolver.variables
        variables = owner.adapt_variables(variables) if owner is not None else variables
        try:
            return check_out(address, work / "checkout", variables, make_process_options(owner), _GIT_TIME)
        except SourceError as error:
            raise SourceError(
                tell("{link} cannot be fetched", link=link), why=error.why, remedy=f"git ls-remote {address.url}"
            ) from error

    def _read_metadata(self, place: Path, work: Path, shown: str) -> ProjectMetadata:
        if not any((place / name).is_file() for name in _MARKS):
            raise RequirementsError(
                tell("{shown} is no project", shown=shown),
                why=tell("it has none of {marks}", marks=", ".join(_MARKS)),
                remedy=f"ls {shown}",
            )
        found = read_static_metadata(place)
        if found is not None:
            return found
        if self.resolver.no_build:
            raise ResolutionError(
                tell("{shown}: only its build back end tells what it requires", shown=shown),
                why=self.resolver.no_build,
                remedy=tell("let its author check it, or read it without its code: envtool check --static"),
            )
        owner = self.resolver.target.owner
        self._refuse_others_code(place, shown, is_checkout=place.is_relative_to(work))
        source = copy_project(place, work, shown, owner)
        return ask_build_backend(source, work, self.resolver, shown)

    def _refuse_others_code(self, place: Path, shown: str, *, is_checkout: bool) -> None:
        """Raise `ResolutionError` where somebody else than the user that a build runs as wrote some of a project."""
        if is_checkout:
            return
        owner = self.resolver.target.owner
        authors = find_tree_authors(list_project_files(place))
        if authors.users <= ({owner.uid} if owner is not None else set()) and not authors.everybody:
            return
        raise ResolutionError(
            tell("{shown}: its build back end is not run", shown=shown),
            why=tell(
                "it would run as {name}, and others may write to {path}",
                name=owner.name if owner is not None else "root",
                path=authors.path,
            ),
            remedy=tell("let its author check it, or read it without its code: envtool check --static"),
        )

    def _require_python(self, metadata: ProjectMetadata, shown: str) -> None:
        """Installers refuse a project that is for another Python."""
        python = self.resolver.target.python
        full = python if python.count(".") > 1 else f"{python}.0"
        try:
            fits = SpecifierSet(metadata.requires_python).contains(full, prereleases=True)
        except InvalidSpecifier:
            return
        # Of a Python whose last part is not known, the newest would do as well.
        if not fits and not SpecifierSet(metadata.requires_python).contains(f"{'.'.join(python.split('.')[:2])}.99"):
            raise ResolutionError(
                tell("{shown} is for Python {requires_python}", shown=shown, requires_python=metadata.requires_python),
                why=tell("the environment has Python {python}, so pip and uv refuse it", python=python),
                remedy=f"grep -rn requires.python {shown}",
            )

    def _write_wheel(self, metadata: ProjectMetadata) -> Path:
        stem = f"{metadata.name.replace('-', '_')}-{metadata.version}"
        folder = self.folder / str(len(self._found))
        folder.mkdir()
        path = folder / f"{stem}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{stem}.dist-info/METADATA", metadata.format())
            archive.writestr(
                f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{stem}.dist-info/RECORD", "")
        lend(self.resolver.target.owner, folder)
        return path

    @contextmanager
    def _work_folder(self) -> Iterator[Path]:
        with temporary_folder() as work:
            lend(self.resolver.target.owner, work)
            yield work


@contextmanager
def open_project_reader(resolver: Resolver) -> Iterator[ProjectReader]:
    """A reader whose stand-ins last as long as the context."""
    with temporary_folder() as folder:
        lend(resolver.target.owner, folder)
        yield ProjectReader(resolver, folder)


def find_local_path(link: str) -> Path | None:
    """The path that a direct reference means, or `None` where it is an address elsewhere."""
    parts = urlsplit(link)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(link.partition("#")[0]) if link.startswith("/") else None
