"""A regular expression that is compiled when it is first asked: ten profiles have seventy, and one look asks a few."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LazyPattern:
    """A pattern, as text until something is matched with it. What is no pattern is a `re.error` then."""

    pattern: str

    def compile(self) -> re.Pattern[str]:
        """The pattern itself; `re` keeps what it has compiled."""
        return re.compile(self.pattern)

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
