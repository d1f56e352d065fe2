"""The words that tell a known error."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorSign:
    """Words that only this error has. `pattern` is what a line must match where the words alone do not tell."""

    words: bytes
    pattern: str = ""

    def matches(self, line: bytes) -> bool:
        """Whether a line has the sign."""
        return self.words in line and (not self.pattern or re.search(self.pattern.encode(), line) is not None)
