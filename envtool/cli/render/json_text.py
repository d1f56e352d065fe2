"""A document as JSON text: credentials masked in each string, where no escape hides them yet, and all of it ASCII."""

from __future__ import annotations

import json
from typing import Any

from envtool.masking import MaskedText, mask_credentials


def render_json_text(document: Any, *, indent: int | None = 2) -> str:
    """The document's text, without a line's end after it."""
    return MaskedText(json.dumps(_mask_strings(document), indent=indent))


def format_time(seconds: float) -> str:
    """Seconds since 1970 as an ISO 8601 time of this machine's zone."""
    from datetime import datetime

    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _mask_strings(value: Any) -> Any:
    if isinstance(value, str):
        return mask_credentials(value)
    if isinstance(value, dict):
        return {_mask_strings(key): _mask_strings(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_strings(item) for item in value]
    return value
