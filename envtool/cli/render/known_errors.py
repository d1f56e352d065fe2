"""Known errors that were found in a program's output (schema: docs/explain.schema.json)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from envtool.cli.report_format import PlainFormat
from envtool.language import tell, translate
from envtool.printable import join_lines, pad

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
        kind = item.kind
        yield f"{translate(kind.severity.value)}: {translate(kind.title)}  [{kind.id}]"
        more = translate(tell("   (and {count} more)", count=item.count - 1)) if item.count > 1 else ""
        yield "  " + translate(tell("line {line}: {text}", line=item.line, text=item.text)) + more
        yield f"  {pad(translate('run'), 4)} {kind.remedy}"
        yield f"  {pad(translate('more'), 4)} envtool explain {kind.id}"
    if not found.errors:
        yield translate(tell("no known error in {count} lines", count=found.lines))
