"""With whose rights the code runs that a dependency file brings: its author's, and never root's for somebody else's.

A resolution runs build back ends: those of the projects that a file names, and of source distributions that it chooses.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.authors import Authors, find_authors
from envtool.language import tell
from envtool.link_rights import name_user
from envtool.requirements.projects.project_reader import find_local_path
from envtool.transaction.owner import Owner, make_owner

if TYPE_CHECKING:
    from envtool.requirements.model import DependencyFile
    from envtool.requirements.resolve import Resolver
    from envtool.requirements.target import Target

_FOR_INDEXES = ("PIP_", "UV_")
_SECRET_NAME = re.compile(r"PASSWORD|TOKEN|USERNAME")
_PASSWORD = re.compile(r"://[^/\s@]+@")
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass(frozen=True)
class BuildRights:
    """The user that everything runs as, where it is not who runs envtool; `refusal` is why no code runs at all."""

    owner: Owner | None = None
    refusal: str = ""

    def apply(self, resolver: Resolver) -> Resolver:
        """The resolver with these rights."""
        refusal = resolver.no_build or self.refusal
        return replace(resolver, target=replace(resolver.target, owner=self.owner), no_build=refusal)


def find_build_rights(file: DependencyFile, resolvers: Collection[Resolver]) -> BuildRights:
    """Whose rights the code has that a file brings, where root checks it for the target of `resolvers`."""
    target = next(iter(resolvers)).target
    authors = find_authors(_list_sources(file))
    if not authors:
        return BuildRights(target.owner)
    if authors.everybody:
        return BuildRights(
            target.owner,
            tell("everybody may write to {path}, and this is root: its code is not run", path=authors.path),
        )
    owners = authors.users | ({target.owner.uid} if target.owner is not None else set())
    if len(owners) > 1:
        return BuildRights(target.owner, _refuse_several(authors, target))
    owner = target.owner or make_owner(next(iter(owners)), file.path)
    if not owner.is_usable():
        why = tell("{name} wrote it, and this root may run nothing as another user: its code is not run",
                   name=owner.name)  # fmt: skip
        return BuildRights(target.owner, why)
    if target.interpreter is not None and not owner.may_enter(target.interpreter.parent):
        why = tell(
            "{name} wrote it and may not enter {folder}, and this is root: its code is not run",
            name=owner.name,
            folder=target.interpreter.parent,
        )
        return BuildRights(target.owner, why)
    if target.owner is None and any(map(_has_password, resolvers)):
        why = tell("{name} wrote it, and would get this user's password for an index: its code is not run",
                   name=owner.name)  # fmt: skip
        return BuildRights(None, why)
    return BuildRights(owner)


def _has_password(resolver: Resolver) -> bool:
    """Whether uv is told a credential, which is then in reach of the user that it runs as."""
    options = resolver.options
    told = (options.index_url or "", *options.extra_index_urls, *options.find_links)
    told += tuple(value for key, value in resolver.variables.items() if key.startswith(_FOR_INDEXES))
    named = any(key.startswith(_FOR_INDEXES) and _SECRET_NAME.search(key) for key in resolver.variables)
    return named or any(_PASSWORD.search(text) for text in told)


def _refuse_several(authors: Authors, target: Target) -> str:
    names = ", ".join(name_user(uid) for uid in sorted(authors.users))
    if target.owner is None:
        return tell("{names} wrote it together, and this is root: its code is not run", names=names)
    return tell(
        "{names} wrote it, and the environment is {owner}'s: its code is not run with another's rights",
        names=names,
        owner=target.owner.name,
    )


def _list_sources(file: DependencyFile) -> Iterator[Path]:
    """The files and folders that say what is built."""
    yield file.path
    for item in file.sets:
        if item.project is not None:
            yield from _list_project(item.project)
        for entry in (*item.entries, *(item.uv_entries or ())):
            yield entry.location.path
            place = find_local_path(entry.link) if entry.link is not None else None
            if place is not None and place.is_dir():
                yield from _list_project(place)
        for link in item.options.find_links:
            if (place := find_local_path(link)) is not None:
                yield place


def _list_project(folder: Path) -> Iterator[Path]:
    yield folder
    yield from (folder / name for name in _PROJECT if (folder / name).exists())
