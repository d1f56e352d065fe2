"""conda's own records of a prefix: `conda-meta/<name>-<version>-<build>.json` and `conda-meta/history`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envtool.documents import parse_json
from envtool.regular_file import read_regular_file

_TRANSACTION = re.compile(r"==> (?P<time>\S+ \S+) <==")


@dataclass(frozen=True, kw_only=True)
class CondaRecord:
    """One package that conda, or a program that works as conda does, put into a prefix.

    `channel` is its last part, as `conda list` shows it; `digests` are the sha256 of its files as installed, by path
    from the prefix.
    """

    path: Path
    name: str
    version: str
    build: str
    channel: str
    digests: Mapping[str, str] = field(default_factory=dict)
    requested: str = ""

    @property
    def distribution(self) -> str:
        """What conda calls the package file, without its suffix."""
        return f"{self.name}-{self.version}-{self.build}"


def parse_conda_record(data: bytes, path: Path) -> CondaRecord | None:
    """A record from its JSON, or `None` where it is no record."""
    try:
        table = parse_json(data)
        channel = str(table.get("channel") or "").rstrip("/").rsplit("/", 1)[-1]
        return CondaRecord(
            path=path,
            name=str(table["name"]),
            version=str(table["version"]),
            build=str(table["build"]),
            channel=channel,
            digests=_read_digests(table),
            requested=str(table.get("requested_spec") or " ".join(map(str, table.get("requested_specs") or ()))),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _read_digests(table: dict[str, Any]) -> dict[str, str]:
    rows = (table.get("paths_data") or {}).get("paths") or []
    # Where conda wrote the prefix into a file, that has another hash than the package's own.
    return {str(row["_path"]): str(row.get("sha256_in_prefix") or row.get("sha256") or "") for row in rows}


def read_conda_records(prefix: Path, containing: bytes = b"") -> Iterator[tuple[Path, CondaRecord | None]]:
    """The records of a prefix whose text contains `containing`; `None` for one that cannot be read."""
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        try:
            data = read_regular_file(path)
        except OSError:
            yield path, None
            continue
        # A record lists thousands of files; a search in the bytes is far cheaper than parsing.
        if containing in data:
            yield path, parse_conda_record(data, path)


@dataclass(frozen=True)
class CondaTransaction:
    """An entry of conda's history: when (as written there), by which command, and what it put in."""

    time: str
    command: str
    linked: tuple[str, ...]


def parse_history(data: bytes) -> tuple[CondaTransaction, ...]:
    """The transactions of a `conda-meta/history`, the oldest first. Never fails; other lines are passed over."""
    found: list[CondaTransaction] = []
    for line in data.decode("utf-8", "replace").splitlines():
        if match := _TRANSACTION.fullmatch(line.strip()):
            found.append(CondaTransaction(match["time"], "", ()))
        elif found and line.startswith("# cmd:"):
            found[-1] = CondaTransaction(found[-1].time, line.removeprefix("# cmd:").strip(), found[-1].linked)
        elif found and line.startswith("+"):
            name = line[1:].strip().rsplit("::", 1)[-1].rsplit("/", 1)[-1]
            found[-1] = CondaTransaction(found[-1].time, found[-1].command, (*found[-1].linked, name))
    return tuple(found)


def find_transaction(prefix: Path, record: CondaRecord) -> CondaTransaction | None:
    """The last transaction that put a package into the prefix, where conda's history tells."""
    try:
        history = parse_history(read_regular_file(prefix / "conda-meta/history"))
    except OSError:
        return None
    return next((item for item in reversed(history) if record.distribution in item.linked), None)
