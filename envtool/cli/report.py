"""Renders a doctor report as text and as JSON (schema: docs/doctor.schema.json)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from envtool.cli.terminal import paint
from envtool.doctor.findings import Finding, Report, Severity, Status
from envtool.vendor.pin import VendorPin

JSON_SCHEMA = "hac-envtool/doctor/1"
_COLOURS = {Status.HEALTHY: "green", Status.DEGRADED: "yellow", Status.DAMAGED: "red"}


def render_text(report: Report) -> str:
    """The verdict first, then each finding with its evidence, its cause and the command that mends it."""
    prefix = report.environment.prefix
    verdict = paint(report.status.value, _COLOURS[report.status], bold=True)
    lines = [
        f"{verdict}: {_summary(report)}",
        f"  environment {prefix.path} ({prefix.kind.value}, Python {prefix.python[0]}.{prefix.python[1]})",
        f"  pinned      {_pin_line(report.pin)}",
    ]
    for finding in report.findings:
        lines += ["", *_finding_lines(finding)]
    return "\n".join(lines)


def _summary(report: Report) -> str:
    if not report.findings:
        assert report.pin is not None
        return f"torch {report.pin.version} is in place, with all its files"
    return report.findings[0].title


def _pin_line(pin: VendorPin | None) -> str:
    if pin is None:
        return "nothing"
    names = ", ".join(f"{item.name} {item.version}" for item in pin.distributions)
    stand_in = " (stand-ins, not the vendor's code)" if pin.stand_in else ""
    return f"{names}{stand_in}; from {pin.origin.value}"


def _finding_lines(finding: Finding) -> list[str]:
    colour = "red" if finding.severity is Severity.ERROR else "yellow"
    lines = [f"{paint(finding.severity.value, colour, bold=True)} [{finding.id}] {finding.title}"]
    for item in finding.evidence:
        expected = f": expected {item.expected}, found {item.found}" if item.expected else f" {item.found}"
        lines.append(f"  seen   {item.file}{expected}")
    lines += [f"  cause  {finding.cause}"] if finding.cause else []
    lines += [f"  type   {paint(finding.remedy, 'cyan', bold=True)}"] if finding.remedy else []
    return lines


def render_json(report: Report) -> str:
    """The report as one JSON document."""
    prefix = report.environment.prefix
    document: dict[str, Any] = {
        "schema": JSON_SCHEMA,
        "status": report.status.value,
        "environment": {
            "prefix": str(prefix.path),
            "kind": prefix.kind.value,
            "python": f"{prefix.python[0]}.{prefix.python[1]}",
            "site_packages": str(prefix.site_packages),
            "pin": _pin_table(report.pin),
        },
        "findings": [{**asdict(finding), "severity": finding.severity.value} for finding in report.findings],
    }
    return json.dumps(document, indent=2)


def _pin_table(pin: VendorPin | None) -> dict[str, Any] | None:
    if pin is None:
        return None
    return {
        "origin": pin.origin.name.lower(),
        "stand_in": pin.stand_in,
        "distributions": [
            {"name": item.name, "version": item.version, "sha256": item.sha256} for item in pin.distributions
        ],
    }
