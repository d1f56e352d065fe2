"""Writes a report in one of the formats that all commands share."""

from __future__ import annotations

from typing import Literal

from envtool.cli.render.interface import CheckReport
from envtool.cli.report_format import Format

SharedFormat = Literal[Format.SARIF, Format.JUNIT, Format.GITHUB, Format.PROMETHEUS]


def write_report(report: CheckReport, format: SharedFormat) -> str:
    """The report, without a line's end after it."""
    # Only the writer that is wanted: some take longer to import than a diagnosis takes.
    match format:
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
