"""`[tool.uv]` of pyproject.toml: what a uv that is run in the project's folder chooses from, and how.

Described in uv's documentation, "Settings"; `[tool.uv.pip]` is nearer to `uv pip` than `[tool.uv]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envtool.requirements.model import InstallOptions
from envtool.requirements.readers.common import get_table

# Settings that bear on which versions are chosen, which have the names of uv's options.
_CHOICE = ("exclude-newer", "resolution", "index-strategy", "fork-strategy")


def read_uv_options(table: Mapping[str, Any]) -> InstallOptions:
    """The options that only uv reads: indexes that are for every distribution, and what else bears on the choice."""
    general = get_table(table, "tool", "uv")
    settings = {**general, **get_table(general, "pip")}
    index, extra = _read_indexes(general.get("index"))
    return InstallOptions(
        index_url=index,
        extra_index_urls=extra,
        pre=settings.get("prerelease") == "allow",
        choice=tuple(_list_choice(settings)),
    )


def _read_indexes(rows: object) -> tuple[str | None, tuple[str, ...]]:
    index, extra = None, []
    for row in rows if isinstance(rows, list) else ():
        address = row.get("url") if isinstance(row, dict) else None
        if isinstance(address, str) and not row.get("explicit"):
            if row.get("default"):
                index = address
            else:
                extra.append(address)
    return index, tuple(extra)


def _list_choice(settings: Mapping[str, Any]) -> Iterator[str]:
    for key in _CHOICE:
        if isinstance(settings.get(key), str):
            yield f"--{key}={settings[key]}"
    for name, date in get_table(settings, "exclude-newer-package").items():
        if isinstance(date, str):
            yield f"--exclude-newer-package={name}={date}"
