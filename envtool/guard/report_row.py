"""A line of the guard's report: a label in a column, and what there is to say, in the person's language."""

from __future__ import annotations

from envtool.language import translate
from envtool.printable import pad

# As wide as the longest label.
_COLUMNS = 12


def render_row(label: str, text: str) -> str:
    """The line, below the first one of the report."""
    return f"  {pad(translate(label), _COLUMNS)} {translate(text)}"
