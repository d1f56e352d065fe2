"""What a text must not do to whoever reads it: a terminal, a log, a pipeline."""

from __future__ import annotations

import re

CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# A bit of everything that has an effect somewhere: a terminal's title, a bell, C1, a line's end, commands of pipelines.
NASTY = "\x1b]0;owned\x07\x9b31m\x7f\u202e\r\n::error::owned\n##[error]owned\n##vso[task.complete]owned"


def assert_harmless(text: str, *, commands: int = 0) -> None:
    """No control character, and no more than so many lines that GitHub would take for commands."""
    assert CONTROLS.search(text) is None, repr(text)
    assert sum(line.lstrip().startswith("::") for line in text.splitlines()) == commands, text
    assert not re.search(r"##(?:\[|vso\[)", text), text
