"""A regular expression that is compiled when it is first asked: ten profiles have seventy, and one look asks a few."""

from __future__ import annotations

import re
from collections.abc import Mapping


class LazyPattern:
    """A pattern, as text until something is matched with it. What is no pattern is a `re.error` then."""

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self.pattern = text
        self._compiled: re.Pattern[str] | None = None

    def __eq__(self, other: object) -> bool:
        """Whether they are written the same."""
        return isinstance(other, LazyPattern) and self.pattern == other.pattern

    def __hash__(self) -> int:
        """The hash of the text."""
        return hash(self.pattern)

    def compile(self) -> re.Pattern[str]:
        """The pattern itself, compiled once."""
        if self._compiled is None:
            self._compiled = re.compile(self.pattern)
        return self._compiled

    @property
    def groupindex(self) -> Mapping[str, int]:
        """The names of its groups."""
        return self.compile().groupindex

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Match the whole text."""
        return self.compile().fullmatch(text)

    def match(self, text: str) -> re.Match[str] | None:
        """Match how the text begins."""
        return self.compile().match(text)
