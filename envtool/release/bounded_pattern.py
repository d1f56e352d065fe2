"""Regular expressions of a profile, matched in bounded time: Python's own engine may try for hours.

Before the engine is asked, the ways that it may have to try are counted, as far as the text admits them. Each of its
steps is on such a way, so that what is left to it ends soon.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from envtool.errors import SettingsError
from envtool.language import tell

# Characters. The longest versions that are met have forty.
_LONGEST = 256
# Steps of the engine; of a vendor's versions each takes some hundreds.
_MOST_STEPS = 200_000
# How many ways lead to each place of the text.
_Ways = Counter[int]


class BoundedPattern:
    """A compiled pattern of the profile at `path`, for whole texts only."""

    def __init__(self, text: str, path: Path) -> None:
        """Compile it. Raises `ValueError` for what is no pattern, or has parts whose work cannot be told before."""
        try:
            self._compiled = re.compile(text)
            self._parts = _parse(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(tell("it is not a regular expression: {error}", error=error)) from error
        _require_countable(self._parts)
        self._path = path

    def __eq__(self, other: object) -> bool:
        """Whether they match the same."""
        return isinstance(other, BoundedPattern) and self._compiled == other._compiled

    def __hash__(self) -> int:
        """The hash of what is compiled."""
        return hash(self._compiled)

    @property
    def pattern(self) -> str:
        """The pattern as it was written."""
        return self._compiled.pattern

    @property
    def groupindex(self) -> Mapping[str, int]:
        """The names of its groups."""
        return self._compiled.groupindex

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Match the whole text; `None` also for a long one. Raises `SettingsError` where it would take hours."""
        if len(text) > _LONGEST:
            return None
        try:
            _Count(text, self._compiled.flags).advance(self._parts, Counter({0: 1}))
        except OverflowError:
            raise SettingsError(
                tell("a pattern in {path} takes too long: {pattern}", path=self._path, pattern=self.pattern),
                why=tell("there are too many ways in which it may match {text}", text=text),
                remedy=tell("${{EDITOR:-vi}} {path}   and repeat nothing that repeats already", path=self._path),
            ) from None
        return self._compiled.fullmatch(text)


class _Count:
    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags, self._steps = text, flags, 0
        self._classes: dict[int, re.Pattern[str]] = {}

    def advance(self, parts: Iterable[tuple[Any, Any]], ways: _Ways) -> _Ways:
        """Where the ways lead behind some parts of a pattern. Raises `OverflowError` where there are too many."""
        for operation, value in parts:
            ways = self._advance_one(str(operation), (operation, value), ways)
            self._add(ways)
            if not ways:
                break
        return ways

    def _advance_one(self, name: str, part: tuple[Any, Any], ways: _Ways) -> _Ways:
        value = part[1]
        if name == "AT":
            return ways
        if name == "SUBPATTERN":
            return self.advance(value[-1], ways)
        if name == "BRANCH":
            return sum((self.advance(branch, ways) for branch in value[1]), Counter())
        if name in {"MAX_REPEAT", "MIN_REPEAT"}:
            return self._repeat(value, ways)
        one = self._classes.get(id(value)) or self._classes.setdefault(id(value), _compile_one(part, self._flags))
        return Counter({place + 1: ways[place] for place in ways if one.match(self._text, place)})

    def _repeat(self, value: tuple[int, int, Any], ways: _Ways) -> _Ways:
        least, most, parts = value
        found, number = Counter[int](), 0
        while ways and number <= most:
            if number >= least:
                found.update(ways)
            inner = self.advance(parts, ways)
            # Also where a part of no length is repeated.
            self._add(inner)
            if number >= least:
                # The engine, too, repeats nothing that leads no further.
                inner = Counter({place: count for place, count in inner.items() if place > min(ways)})
            ways, number = inner, number + 1
        return found

    def _add(self, ways: _Ways) -> None:
        self._steps += 1 + sum(ways.values())
        if self._steps > _MOST_STEPS:
            raise OverflowError


_COUNTED = {"AT", "SUBPATTERN", "BRANCH", "MAX_REPEAT", "MIN_REPEAT", "LITERAL", "NOT_LITERAL", "ANY", "IN"}


def _require_countable(parts: Any) -> None:
    """Raises `ValueError` for what is no part of a regular language, and for flags that hold for a part only."""
    for operation, value in parts:
        name = str(operation)
        if name not in _COUNTED or (name == "SUBPATTERN" and (value[1] or value[2])):
            raise ValueError(tell("what Python calls {name} is not admitted here; write it without", name=name))
        inner = value[1] if name == "BRANCH" else [value[-1]] if name.endswith(("PATTERN", "REPEAT")) else []
        for each in inner:
            _require_countable(each)


def _parse(text: str) -> Any:
    from re import _parser

    return _parser.parse(text)


def _compile_one(part: tuple[Any, Any], flags: int) -> re.Pattern[str]:
    """The pattern of one character."""
    from re import _compiler, _parser  # type: ignore[attr-defined]

    compiled: re.Pattern[str] = _compiler.compile(_parser.SubPattern(_parser.State(), [part]), flags)
    return compiled
