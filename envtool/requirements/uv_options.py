"""Options of pip's as uv spells them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from envtool.requirements.metadata import DEFAULT_INDEX

if TYPE_CHECKING:
    from envtool.requirements.model import DeclaredRequirement, InstallOptions


class Installer(Enum):
    """Whose behaviour is predicted."""

    PIP = "pip"
    UV = "uv"


@dataclass(frozen=True)
class UvIndexes:
    """The indexes that uv's variables name."""

    default: str | None = None
    others: tuple[str, ...] = ()


def list_uv_indexes(variables: Mapping[str, str]) -> UvIndexes:
    """The indexes of `UV_DEFAULT_INDEX`, `UV_INDEX` and the older names of both; one may be written as NAME=ADDRESS.

    Source: uv documentation, "Environment variables".
    """
    default = variables.get("UV_DEFAULT_INDEX") or variables.get("UV_INDEX_URL")
    words = [*variables.get("UV_INDEX", "").split(), *variables.get("UV_EXTRA_INDEX_URL", "").split()]
    return UvIndexes(_strip_index_name(default) if default else None, tuple(map(_strip_index_name, words)))


def _strip_index_name(word: str) -> str:
    name, mark, address = word.partition("=")
    return address if mark and "/" not in name and ":" not in name else word


# Seconds for which answers of an index count as fresh. One check reads the same pages many times, and many indexes
# would have uv ask each time whether a page has changed.
_FRESH = 300


def format_options(
    options: InstallOptions, installer: Installer, requested: Sequence[DeclaredRequirement] = ()
) -> list[str]:
    """Options of pip and of requirements files as uv spells them, without the indexes."""
    words: list[str] = []
    words += [word for link in options.find_links for word in ("--find-links", link)]
    words += [word for host in options.trusted_hosts for word in ("--allow-insecure-host", host)]
    words += [word for name in options.no_binary for word in ("--no-binary", name)]
    words += [word for name in options.only_binary for word in ("--only-binary", name)]
    words += [word for name in options.upgrade_names for word in ("--upgrade-package", name)]
    words += ["--cert", options.certificates] if options.certificates else []
    flags = {
        "--no-index": options.no_index,
        "--no-deps": options.no_deps,
        "--require-hashes": options.require_hashes,
        "--reinstall": options.reinstall,
    }
    words += [flag for flag, is_set in flags.items() if is_set]
    words += ["--prerelease", "allow"] if options.pre else []
    # What is nearer counts, where uv takes an option once.
    words += {_name_option(word): word for word in reversed(options.choice)}.values()
    return words + _format_upgrade(options, installer, requested)


def _name_option(word: str) -> str:
    return word if word.startswith("--exclude-newer-package=") else word.partition("=")[0]


def _format_upgrade(
    options: InstallOptions, installer: Installer, requested: Sequence[DeclaredRequirement]
) -> list[str]:
    """pip upgrades what is named, and what that requires only where it must; uv upgrades everything."""
    if not options.upgrade:
        return []
    if options.eager or installer is Installer.UV:
        return ["--upgrade"]
    return [word for entry in requested if entry.name for word in ("--upgrade-package", entry.name)]


def format_strategy(options: InstallOptions, installer: Installer) -> list[str]:
    """pip takes the best of all indexes, uv what the first that knows a name has."""
    several = installer is Installer.PIP and options.extra_index_urls
    if any(word.startswith("--index-strategy=") for word in options.choice):
        return []
    return ["--index-strategy", "unsafe-best-match"] if several else []


def format_indexes(options: InstallOptions) -> list[str]:
    """The indexes as options."""
    words = ["--default-index", options.index_url] if options.index_url else []
    return words + [word for url in options.extra_index_urls for word in ("--index", url)]


def format_index_configuration(options: InstallOptions) -> str:
    """The indexes as a configuration of uv's (uv documentation, "Package indexes", "Customizing cache control")."""
    rows = [(url, False) for url in options.extra_index_urls] + [(options.index_url or DEFAULT_INDEX, True)]
    return "\n".join(
        f"[[index]]\nurl = {json.dumps(url)}\ndefault = {str(default).lower()}\n"
        f'cache-control = {{ api = "max-age={_FRESH}", files = "max-age={_FRESH}" }}\n'
        for url, default in rows
    )
