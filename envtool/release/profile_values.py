"""Checks the values of a profile's keys. Every function raises `ValueError`, which names the key."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

_PUBLIC = r"(?P<public>(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?(?:\.dev[0-9]+)?)"


def check_keys(table: dict[str, Any], known: Set[str], where: str) -> None:
    """Whether all keys of a table are known."""
    if unknown := sorted(table.keys() - known):
        place = f"{where}: " if where else ""
        raise ValueError(f"{place}{unknown[0]!r} is not known; {', '.join(sorted(known))} are")


def take_rows(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of tables."""
    rows = table.get(key, [])
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise ValueError(f"{key}: it is not a list of tables; each begins with [[{key}]]")
    return rows


def take_table(table: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
    """A table in a table; an empty one where there is none."""
    row = table.get(key, {})
    if not isinstance(row, dict):
        raise ValueError(f"{where}{key}: it is not a table")
    return row


def take_text(value: Any, where: str) -> str:
    """A printable line that is not empty."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"{where}: it is not a line of text")
    return value


def take_optional_text(table: dict[str, Any], key: str) -> str | None:
    """The line of a key that need not be there."""
    value = table.get(key)
    return None if value is None else take_text(value, key)


def take_texts(value: Any, where: str) -> tuple[str, ...]:
    """A list of lines."""
    if not isinstance(value, list):
        raise ValueError(f"{where}: it is not a list")
    return tuple(take_text(item, where) for item in value)


def take_paths(value: Any, where: str) -> tuple[str, ...]:
    """A list of absolute paths."""
    paths = take_texts(value, where)
    if any(not path.startswith("/") for path in paths):
        raise ValueError(f"{where}: a path does not begin with /")
    return paths


def take_truth(value: Any, where: str) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError(f"{where}: it is neither true nor false")
    return value


def take_name(value: Any, where: str) -> str:
    """A distribution's name as PEP 503 normalises it."""
    text = take_text(value, where)
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", text):
        raise ValueError(f"{where}: {text!r} is not a name as PEP 503 normalises it")
    return text


def take_pattern(value: Any, where: str) -> re.Pattern[str]:
    """A regular expression; `{public}` in it stands for the public part of a version."""
    try:
        return re.compile(take_text(value, where).replace("{public}", _PUBLIC))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{where}: it is not a regular expression: {error}") from error
