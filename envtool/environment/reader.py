"""Prefix → Environment: what is installed, from the names of the entries in site-packages."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.context import EnvironmentContext
from envtool.environment.distribution import Distribution, read_distribution, read_egg_link
from envtool.errors import PrefixError
from envtool.language import tell
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix


@dataclass(frozen=True)
class ReadProblem:
    """Something in the environment that cannot be read as what it should be."""

    path: Path
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An installed environment as it is on disk.

    `leftovers` are folders that pip renamed to `~…` and never removed; `pth_files` are the `.pth` files of
    its folders; `problems` is what could not be read.
    """

    prefix: Prefix
    distributions: tuple[Distribution, ...]
    leftovers: tuple[Path, ...] = ()
    pth_files: tuple[Path, ...] = ()
    problems: tuple[ReadProblem, ...] = ()
    context: EnvironmentContext = field(default_factory=EnvironmentContext)

    def find(self, name: str) -> tuple[Distribution, ...]:
        """Every record of the distribution `name`; more than one where an install went wrong."""
        wanted = normalize_name(name)
        return tuple(item for item in self.distributions if item.name == wanted)


def read_environment(prefix: Prefix, context: EnvironmentContext | None = None) -> Environment:
    """Read the environment of a prefix. Raises `PrefixError` where site-packages cannot be listed."""
    distributions: list[Distribution] = []
    leftovers: list[Path] = []
    pth_files: list[Path] = []
    problems: list[ReadProblem] = []
    for folder in (prefix.site_packages, *prefix.also_read):
        for entry in _list_entries(folder, problems, required=folder == prefix.site_packages):
            name = entry.name
            if name.startswith("~"):
                leftovers.append(Path(entry.path))
            elif name.endswith(".pth"):
                pth_files.append(Path(entry.path))
            elif name.endswith((".dist-info", ".egg-info", ".egg-link")):
                found = _read_entry(entry)
                if isinstance(found, Distribution):
                    distributions.append(found)
                else:
                    problems.append(found)
    return Environment(
        prefix=prefix,
        distributions=tuple(sorted(distributions, key=lambda item: (item.name, item.path.name))),
        leftovers=tuple(sorted(leftovers)),
        pth_files=tuple(sorted(pth_files)),
        problems=tuple(sorted(problems, key=lambda problem: problem.path)),
        context=context or EnvironmentContext(),
    )


def _read_entry(entry: os.DirEntry[str]) -> Distribution | ReadProblem:
    path = Path(entry.path)
    try:
        is_folder = entry.is_dir()
    except OSError as error:
        return ReadProblem(path, "a folder", str(error.strerror))
    if entry.name.endswith(".egg-link"):
        return read_egg_link(path) or ReadProblem(
            path, tell("the address of a folder with an .egg-info"), tell("no such thing")
        )
    if not is_folder and entry.name.endswith(".dist-info"):
        return ReadProblem(path, "a folder", tell("a broken link") if not path.exists() else "a file")
    return read_distribution(path) or ReadProblem(path, tell("metadata with a name and a version"), "neither")


def _list_entries(folder: Path, problems: list[ReadProblem], *, required: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        if required:
            raise PrefixError(
                tell("{folder} cannot be read", folder=folder),
                why=str(error.strerror),
                remedy=tell("run the command as its owner"),
            ) from error
        problems.append(ReadProblem(folder, tell("a folder that can be read"), str(error.strerror)))
        return []
