"""Known errors that were found in a program's output (schema: docs/explain.schema.json)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from envtool.cli.report_format import PlainFormat
from envtool.printable import join_lines

if TYPE_CHECKING:
    from envtool.known_errors.find import LogSearch

JSON_SCHEMA = "hac-envtool/explain/1"


def render_known_errors(found: LogSearch, format: PlainFormat) -> str:
    """What was found, without a line's end after it."""
    if format is PlainFormat.TEXT:
        return join_lines(_list_lines(found))
    from envtool.cli.render.json_text import render_json_text

    return render_json_text(
        {
            "schema": JSON_SCHEMA,
            "status": "found" if found.errors else "none",
            "lines": found.lines,
            "errors": [
                {
                    "id": item.kind.id,
                    "severity": item.kind.severity.value,
                    "title": item.kind.title,
                    "line": item.line,
                    "text": item.text,
                    "count": item.count,
                    "remedy": item.kind.remedy,
                }
                for item in found.errors
            ],
        }
    )


def _list_lines(found: LogSearch) -> Iterable[str]:
    for item in found.errors:
        yield f"{item.kind.severity.value}: {item.kind.title}  [{item.kind.id}]"
        more = f"   (and {item.count - 1} more)" if item.count > 1 else ""
        yield f"  line {item.line}: {item.text}{more}"
        yield f"  run  {item.kind.remedy}"
        yield f"  more envtool explain {item.kind.id}"
    if not found.errors:
        yield f"no known error in {found.lines} lines"
