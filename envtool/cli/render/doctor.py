"""A doctor report in each of the formats."""

from __future__ import annotations

from envtool.cli.report_format import Format
from envtool.doctor.findings import Report


def render_report(report: Report, format: Format) -> str:
    """The report, without a line's end after it."""
    # Only the writer that is wanted: some take longer to import than a diagnosis takes.
    match format:
        case Format.TEXT:
            from envtool.cli.render.text import render_text

            return render_text(report)
        case Format.JSON:
            from envtool.cli.render.json_document import render_json

            return render_json(report)
        case Format.SARIF:
            from envtool.cli.render.sarif import render_sarif

            return render_sarif(report)
        case Format.JUNIT:
            from envtool.cli.render.junit import render_junit

            return render_junit(report)
        case Format.GITHUB:
            from envtool.cli.render.github import render_github

            return render_github(report)
        case Format.PROMETHEUS:
            from envtool.cli.render.prometheus import render_prometheus

            return render_prometheus(report)
