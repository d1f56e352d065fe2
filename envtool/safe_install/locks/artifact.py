"""Which file of a locked package the target gets, where the lock names the files themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packaging.specifiers import SpecifierSet

from envtool.errors import LockError
from envtool.language import tell

if TYPE_CHECKING:
    from packaging.tags import Tag

    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.target import Target


def list_tags(target: Target) -> Iterator[Tag]:
    """The tags of wheels that the target can have on this machine, the best first."""
    from packaging.tags import compatible_tags, cpython_tags, platform_tags

    python = tuple(int(part) for part in target.python.split(".")[:2])
    platforms = list(platform_tags())
    yield from cpython_tags(python, platforms=platforms)
    yield from compatible_tags(python, f"cp{python[0]}{python[1]}", platforms)


def add_address(entry: DeclaredRequirement, files: Iterable[Any], folder: Path, target: Target) -> DeclaredRequirement:
    """The entry with the address of the best of some files, each a table with `url` or `path`, and `hash`.

    Raises `LockError` where none of them is for the target.
    """
    ranks = {tag: rank for rank, tag in enumerate(list_tags(target))}
    found = []
    for file in files:
        address = file.get("url") or file.get("path") if isinstance(file, dict) else None
        if isinstance(address, str) and (rank := _rank(address, ranks)) is not None:
            found.append((rank, address, file.get("hash")))
    if not found:
        raise LockError(
            tell("the lock has no file of {display} for this environment", display=entry.display),
            why=tell("it has Python {python}", python=target.python),
            remedy=tell("lock anew for this environment's Python and platform"),
        )
    _rank_of, address, value = min(found, key=lambda item: item[0])
    if "://" not in address:
        address = str((folder / address).resolve())
    kind, _colon, digest = value.partition(":") if isinstance(value, str) else ("", "", "")
    fragment = f"#{kind}={digest}" if digest and "#" not in address else ""
    return replace(entry, link=address + fragment, specifier=SpecifierSet(), hashes=())


def _rank(address: str, ranks: dict[Tag, int]) -> int | None:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    name = unquote(urlsplit(address).path.rsplit("/", 1)[-1])
    if not name.endswith(".whl"):
        return len(ranks)
    try:
        tags = parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return None
    return min((ranks[tag] for tag in tags if tag in ranks), default=None)
