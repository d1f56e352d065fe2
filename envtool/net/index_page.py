"""A page of a wheel index: the Simple repository API as HTML (PEP 503) or JSON (PEP 691), whoever wrote it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from envtool.language import tell


def parse_index_page(text: str, kind: str, name: str, address: str) -> list[dict[str, Any]]:
    """The files of a project's page, as PEP 691 describes them, their addresses absolute. `kind` is its media type.

    A file without a name or an address is left out. Raises `ValueError` for what is no such page.
    """
    from mousebender import simple

    try:
        details = simple.parse_project_details(text, kind, name)
        rows = list(details["files"])
    except (simple.UnsupportedMIMEType, simple.UnsupportedAPIVersion) as error:
        raise ValueError(tell("it answers with {kind}", kind=kind)) from error
    # What mousebender raises for JSON of another form than the API's.
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError) as error:
        raise ValueError(tell("it is of another form: {error}", error=type(error).__name__)) from error
    return [file for row in rows if (file := _read_file(row, address)) is not None]


def _read_file(row: Any, address: str) -> dict[str, Any] | None:
    if not isinstance(row, dict) or not isinstance(row.get("filename"), str) or not isinstance(row.get("url"), str):
        return None
    try:
        url = urljoin(address, row["url"])
    except ValueError:
        return None
    hashes, size, python = row.get("hashes"), row.get("size"), row.get("requires-python")
    return {
        **row,
        "url": url,
        "hashes": {key: value for key, value in hashes.items() if isinstance(value, str)}
        if isinstance(hashes, dict)
        else {},
        "size": size if isinstance(size, int) and size >= 0 else 0,
        "requires-python": python if isinstance(python, str) else "",
    }
