"""Fetches a requirements file that another one, or a command, names by its address."""

from __future__ import annotations

from pathlib import Path

from envtool.errors import RequirementsError, SourceError
from envtool.language import tell
from envtool.net.http import get, open_session
from envtool.requirements.text_file import MAX_BYTES, decode_text


def fetch_file(address: str) -> str:
    """The text at an address. Raises `SourceError` where it cannot be had, `RequirementsError` where it is no text."""
    import requests

    try:
        answer = get(open_session(), address)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise SourceError(
            tell("{address} cannot be read", address=address), why=str(error), remedy=f"curl -fLO '{address}'"
        ) from error
    if len(answer.content) > MAX_BYTES:
        raise RequirementsError(
            tell("{address} is larger than {max_bytes} MiB", address=address, max_bytes=MAX_BYTES >> 20),
            why=tell("no dependency file is"),
        )
    return decode_text(answer.content, Path(address))
