"""The table that `conda list` prints: conda's records and pip's, in one list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.conda_records import read_conda_records
from envtool.printable import join_lines

if TYPE_CHECKING:
    from envtool.environment.reader import Environment

# What conda prints for a distribution that pip or uv installed.
PYPI_BUILD = "pypi_0"
PYPI_CHANNEL = "pypi"


@dataclass(frozen=True)
class ListedPackage:
    """One row of the table."""

    name: str
    version: str
    build: str
    channel: str


def list_environment_packages(environment: Environment, pattern: str | None = None) -> tuple[ListedPackage, ...]:
    """The rows whose name matches the regular expression `pattern`, as `conda list` searches: anywhere in it.

    A distribution that conda itself installed is listed once, as conda's. Raises `re.error`.
    """
    conda = _list_conda_packages(environment.prefix.path)
    by_conda = {(row.name, row.version) for row in conda}
    rows = [
        *conda,
        *(
            ListedPackage(item.name, item.version, PYPI_BUILD, PYPI_CHANNEL)
            for item in environment.distributions
            if (item.name, item.version) not in by_conda and item.installer != "conda"
        ),
    ]
    matcher = re.compile(pattern or "", re.IGNORECASE)
    return tuple(sorted((row for row in rows if matcher.search(row.name)), key=lambda row: row.name))


def _list_conda_packages(prefix: Path) -> list[ListedPackage]:
    # A record that is no record is doctor's to complain of; the table shows the rest.
    return [
        ListedPackage(record.name, record.version, record.build, record.channel)
        for _path, record in read_conda_records(prefix)
        if record is not None
    ]


def render_packages(prefix: Path, rows: tuple[ListedPackage, ...]) -> str:
    """The table's text in the column layout of `conda list`, so that scripts which cut it up keep working."""
    lines = [f"# packages in environment at {prefix}:", "#"]
    lines.append(f"{'# Name':<25} {'Version':<15} {'Build':>15}  Channel")
    lines += [f"{row.name:<25} {row.version:<15} {row.build:>15}    {row.channel}".rstrip() for row in rows]
    return join_lines([*lines, ""])
