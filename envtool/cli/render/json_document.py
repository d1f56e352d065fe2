"""A doctor report as one JSON document (schema: docs/doctor.schema.json)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from envtool.doctor.findings import Finding, Report
from envtool.vendor.pin import VendorPin

JSON_SCHEMA = "hac-envtool/doctor/1"


def render_json(report: Report) -> str:
    """The report as one JSON document."""
    prefix, setting = report.environment.prefix, report.environment.setting
    shown = setting.shown
    document: dict[str, Any] = {
        "schema": JSON_SCHEMA,
        "status": report.status.value,
        "environment": {
            "prefix": shown(str(prefix.path)),
            "housing": setting.housing.value,
            "reference": setting.reference or None,
            "kind": prefix.kind.value,
            "python": f"{prefix.python[0]}.{prefix.python[1]}",
            "site_packages": shown(str(prefix.site_packages)),
            "pin": _pin_table(report.pin),
        },
        "accelerator": report.driver,
        "findings": [_finding_table(finding) for finding in report.findings],
        "ignored": [_finding_table(finding) for finding in report.ignored],
    }
    return json.dumps(document, indent=2)


def _finding_table(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "severity": finding.severity.value}


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
