"""Reads the tables of written pages, so that man pages say what the site says."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def read_rows(page: str) -> tuple[tuple[str, ...], ...]:
    """The rows of every table of a page, without their headings: each cell as it is in Markdown."""
    rows = []
    heads = True
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            heads = True
        elif re.fullmatch(r"[|: -]+", line):
            heads = False
        elif not heads:
            rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return tuple(rows)


def strip_links(text: str) -> str:
    """Markdown without the addresses of its links."""
    return _LINK.sub(r"\1", text)


def strip_code(text: str) -> str:
    """Markdown without the backticks around code."""
    return _CODE.sub(r"\1", text)
