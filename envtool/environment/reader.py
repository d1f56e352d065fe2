"""Prefix → Environment: what is installed, from the names of the folders in site-packages."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from envtool.environment.distribution import Distribution, distribution_at
from envtool.environment.prefix import Prefix
from envtool.errors import PrefixError
from envtool.vendor.names import normalized_name


@dataclass(frozen=True)
class Environment:
    """An installed environment as it is on disk.

    `leftovers` are folders that pip renamed to `~…` and did not come to remove; `broken` are `.dist-info`
    entries that name no distribution.
    """

    prefix: Prefix
    distributions: tuple[Distribution, ...]
    leftovers: tuple[Path, ...] = ()
    broken: tuple[Path, ...] = ()

    def find(self, name: str) -> tuple[Distribution, ...]:
        """Every `.dist-info` of the distribution `name`; more than one where an install went wrong."""
        wanted = normalized_name(name)
        return tuple(item for item in self.distributions if item.name == wanted)


def read_environment(prefix: Prefix) -> Environment:
    """Read the environment of a prefix. Raises `PrefixError` where site-packages cannot be listed."""
    distributions: list[Distribution] = []
    leftovers: list[Path] = []
    broken: list[Path] = []
    for folder in (prefix.site_packages, *prefix.also_read):
        for entry in _entries(folder):
            if entry.name.startswith("~"):
                leftovers.append(Path(entry.path))
            elif entry.name.endswith(".dist-info"):
                found = distribution_at(Path(entry.path)) if entry.is_dir() else None
                if found is None:
                    broken.append(Path(entry.path))
                else:
                    distributions.append(found)
    return Environment(
        prefix,
        tuple(sorted(distributions, key=lambda item: (item.name, item.path.name))),
        tuple(sorted(leftovers)),
        tuple(sorted(broken)),
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise PrefixError(
            f"{folder} cannot be read", why=str(error.strerror), remedy="run the command as its owner"
        ) from error
