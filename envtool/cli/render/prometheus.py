"""A report for the textfile collector of Prometheus' node exporter (Prometheus, "Exposition formats")."""

from __future__ import annotations

from collections.abc import Mapping

from envtool.cli.render.interface import CheckReport
from envtool.masking import MaskedText, mask_credentials
from envtool.printable import escape_controls, join_lines


def render_prometheus(report: CheckReport) -> str:
    """The report's metrics, as gauges."""
    lines = []
    for metric in report.metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} gauge"]
        lines += [f"{metric.name}{_format_labels(labels)} {value}" for labels, value in metric.samples]
    return MaskedText(join_lines(lines))


def _format_labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(text: str) -> str:
    text = escape_controls(mask_credentials(text))
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
