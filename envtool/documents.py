"""JSON and TOML of somebody else's: every text that is none is a `ValueError`, however it is none.

The parsers of the standard library answer brackets that are nested too deeply with a `RecursionError`.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from envtool.language import tell


def parse_json(data: bytes | str) -> Any:
    """The value. Raises `ValueError`."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError(tell("its brackets are nested too deeply")) from None


# A key of a hundred parts: tomllib takes the square of their number in time and memory.
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""")


def parse_toml(text: str) -> dict[str, Any]:
    """The table. Raises `ValueError`."""
    if _LONG_KEY.search(text):
        raise ValueError(tell("a key has too many parts"))
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(tell("its brackets are nested too deeply")) from None
