"""Checks the values of a profile's keys. Every function raises `ValueError`, which names the key."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import TYPE_CHECKING, Any

from envtool.language import tell
from envtool.release.lazy_pattern import LazyPattern
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.release.profile import Profile

_GROUPS = frozenset({"public", "compute", "vendor", "release"})
_PUBLIC = r"(?P<public>(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?(?:\.dev[0-9]+)?)"


def check_keys(table: dict[str, Any], known: Set[str], where: str) -> None:
    """Whether all keys of a table are known."""
    if unknown := sorted(table.keys() - known):
        raise ValueError(
            tell(
                "{place}{unknown!r} is not known; {known} are",
                place=f"{where}: " if where else "",
                unknown=unknown[0],
                known=", ".join(sorted(known)),
            )
        )


def take_rows(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of tables."""
    rows = table.get(key, [])
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise ValueError(tell("{key}: it is not a list of tables; each begins with [[{key}]]", key=key))
    return rows


def take_table(table: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
    """A table in a table; an empty one where there is none."""
    row = table.get(key, {})
    if not isinstance(row, dict):
        raise ValueError(tell("{key}: it is not a table", key=f"{where}{key}"))
    return row


def take_text(value: Any, where: str) -> str:
    """A printable line that is not empty."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(tell("{where}: it is not a line of text", where=where))
    return value


def take_optional_text(table: dict[str, Any], key: str) -> str | None:
    """The line of a key that need not be there."""
    value = table.get(key)
    return None if value is None else take_text(value, key)


def take_texts(value: Any, where: str) -> tuple[str, ...]:
    """A list of lines."""
    if not isinstance(value, list):
        raise ValueError(tell("{where}: it is not a list", where=where))
    return tuple(take_text(item, where) for item in value)


def take_paths(value: Any, where: str) -> tuple[str, ...]:
    """A list of absolute paths."""
    paths = take_texts(value, where)
    if any(not path.startswith("/") for path in paths):
        raise ValueError(tell("{where}: a path does not begin with /", where=where))
    return paths


def take_truth(value: Any, where: str) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError(tell("{where}: it is neither true nor false", where=where))
    return value


def take_name(value: Any, where: str) -> str:
    """A distribution's name as PEP 503 normalises it."""
    text = take_text(value, where)
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", text):
        raise ValueError(
            tell(
                "{where}: {text!r} is not a name as PEP 503 normalises it, such as {normalized!r}",
                where=where,
                text=text,
                normalized=normalize_name(text),
            )
        )
    return text


def take_pattern(value: Any, where: str) -> LazyPattern:
    """A regular expression, not yet compiled; `{public}` in it stands for the public part of a version."""
    return LazyPattern(take_text(value, where).replace("{public}", _PUBLIC))


def check_patterns(profile: Profile) -> None:
    """Whether all its patterns are such, with the parts that are known. Raises `ValueError`.

    Those of the profiles that come with envtool are checked by its tests: to compile them takes longer than a look.
    """
    for number, rule in enumerate(profile.versions):
        where = f"version[{number}].pattern"
        if isinstance(rule.pattern, LazyPattern):
            _check_pattern(rule.pattern, where)
        if unknown := rule.pattern.groupindex.keys() - _GROUPS:
            raise ValueError(
                tell(
                    "{where}: a part is called {unknown}; {known} are known",
                    where=where,
                    unknown=min(unknown),
                    known=", ".join(sorted(_GROUPS)),
                )
            )
        if "public" not in rule.pattern.groupindex:
            raise ValueError(tell("{where}: no part is called public; {{public}} stands for it", where=where))
    for number, item in enumerate(profile.pinned):
        if isinstance(item.version, LazyPattern):
            _check_pattern(item.version, f"pinned[{number}].version")
    if profile.unusable is not None:
        _check_pattern(profile.unusable, "unusable")


def _check_pattern(pattern: LazyPattern, where: str) -> None:
    """Whether it is a regular expression."""
    try:
        pattern.compile()
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(tell("{where}: it is not a regular expression: {error}", where=where, error=error)) from error
