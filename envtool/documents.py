"""JSON and TOML of somebody else's: every text that is none is a `ValueError`, however it is none.

The parsers of the standard library answer brackets that are nested too deeply with a `RecursionError`.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any


def parse_json(data: bytes | str) -> Any:
    """The value. Raises `ValueError`."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def parse_toml(text: str) -> dict[str, Any]:
    """The table. Raises `ValueError`."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None
