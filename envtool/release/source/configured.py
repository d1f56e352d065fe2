"""Which vendor sources are to be asked: `--vendor`, else `HAC_VENDOR`, else what `envtool vendor add` kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.atomic_file import PRIVATE, write_atomic
from envtool.documents import parse_toml
from envtool.errors import SourceError
from envtool.language import tell
from envtool.private_folder import is_private
from envtool.regular_file import read_regular_file
from envtool.release.profile import PINNED_NAMES
from envtool.release.source.folder import FolderSource
from envtool.release.source.index import IndexSource
from envtool.wheel.store import translate_store_errors

if TYPE_CHECKING:
    from envtool.release.source.interface import Source

ENVIRONMENT_VARIABLE = "HAC_VENDOR"


@dataclass(frozen=True)
class ConfiguredSource:
    """A source and who named it."""

    address: str
    origin: str


def open_source(address: str, names: tuple[str, ...] = PINNED_NAMES) -> Source:
    """The source of the distributions `names` at an address: an `http(s)://` index, a `file://` address or a path.

    Raises `SourceError` for any other scheme and for an address with a credential in it.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return FolderSource(Path(address).expanduser().absolute(), names)
    if scheme in {"http", "https"}:
        return IndexSource(address, names)
    if scheme == "file":
        return FolderSource(Path(rest), names)
    raise SourceError(
        tell("a vendor source cannot be read over {scheme}://", scheme=scheme),
        why=tell("a source is a folder with wheels, or a wheel index at http:// or https://"),
    )


def open_sources(named: Sequence[str] = (), names: tuple[str, ...] = PINNED_NAMES) -> list[Source]:
    """Open the sources in force. Raises `SourceError`."""
    return [open_source(item.address, names) for item in list_configured_sources(named)]


def list_configured_sources(named: Sequence[str] = ()) -> tuple[ConfiguredSource, ...]:
    """The sources in force, in the order they are to be asked. Raises `SourceError` for a broken file."""
    if named:
        return tuple(ConfiguredSource(address, "--vendor") for address in named)
    from_environment = os.environ.get(ENVIRONMENT_VARIABLE, "").split()
    if from_environment:
        return tuple(ConfiguredSource(address, ENVIRONMENT_VARIABLE) for address in from_environment)
    path = get_sources_path()
    return tuple(ConfiguredSource(address, str(path)) for address in _read_sources(path))


def get_sources_path() -> Path:
    """Where `envtool vendor add` keeps its sources."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(base) / "hac-envtool" / "sources.toml"


def add_source(address: str) -> Path:
    """Add a source to the user's file, once. Raises `SourceError`, `StoreError`."""
    source = open_source(address)
    label = source.label
    if isinstance(source, FolderSource) and not source.folder.is_dir():
        raise SourceError(
            tell("there is no folder {folder}, so it was not kept", folder=source.folder),
            why=tell("a source is a folder with wheels, or a wheel index at http:// or https://"),
            remedy=tell("ls -d {parent}; envtool vendor add FOLDER_OR_INDEX", parent=source.folder.parent),
        )
    path = get_sources_path()
    known = _read_sources(path)
    if label not in known:
        import tomlkit

        text = "# Written by `envtool vendor add`; asked in this order.\n"
        text += tomlkit.dumps({"sources": [*known, label]})
        with translate_store_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            write_atomic(path, text, mode=PRIVATE)
    return path


def _read_sources(path: Path) -> tuple[str, ...]:
    if path.exists() and not is_private(path):
        raise SourceError(
            tell("{path} is not read: others than this user and root can write it", path=path),
            why=tell("whoever writes it decides where torch comes from"),
            remedy=tell(
                "chmod go-w {path} {parent}; ls -ld {path} {parent}   to see whose they are",
                path=path,
                parent=path.parent,
            ),
        )
    try:
        table = parse_toml(read_regular_file(path).decode())
        return tuple(str(item) for item in table.get("sources", ()))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as error:
        raise SourceError(
            tell("{path} cannot be read", path=path),
            why=str(getattr(error, "strerror", None) or error),
            remedy=f"rm {path}; envtool vendor add SOURCE",
        ) from error
