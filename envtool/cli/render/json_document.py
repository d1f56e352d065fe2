"""A doctor report as one JSON document (schema: docs/doctor.schema.json)."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from envtool.cli.render.json_text import format_time, render_json_text
from envtool.doctor.findings import Finding, Report
from envtool.environment.history import HistoryEntry
from envtool.release.pin import VendorPin
from envtool.release.profile import TORCH
from envtool.release.read_profile import DEFAULT

JSON_SCHEMA = "hac-envtool/doctor/1"
# Changes of torch that a report tells of, the newest.
_SHOWN_CHANGES = 10


def render_json(report: Report) -> str:
    """The report as one JSON document."""
    return render_json_text(create_doctor_document(report))


def create_doctor_document(report: Report) -> dict[str, Any]:
    """What the JSON is made from."""
    prefix, context = report.environment.prefix, report.environment.context
    shown, installed = context.display, report.environment.find(TORCH)
    return {
        "schema": JSON_SCHEMA,
        "status": report.status.value,
        "host": os.uname().nodename,
        "time": format_time(report.time),
        "environment": {
            "prefix": shown(str(prefix.path)),
            "location": context.location.value,
            "reference": context.reference or None,
            "kind": prefix.kind.value,
            "python": f"{prefix.python[0]}.{prefix.python[1]}",
            "site_packages": shown(str(prefix.site_packages)),
            "torch": installed[-1].version if installed else None,
            "pin": _make_pin_table(report.pin),
        },
        "accelerator": report.driver,
        "history": [_make_history_row(entry) for entry in report.history[-_SHOWN_CHANGES:]],
        "findings": [_make_finding_table(finding) for finding in report.findings],
        "ignored": [_make_finding_table(finding) for finding in report.ignored],
    }


def _make_history_row(entry: HistoryEntry) -> dict[str, Any]:
    changes = [
        {"distribution": item.distribution, "from": list(item.before), "to": item.after} for item in entry.changes
    ]
    row = {"time": entry.time, "user": entry.user, "command": entry.command, "reasons": list(entry.reasons)}
    return {**row, "changes": changes}


def _make_finding_table(finding: Finding) -> dict[str, Any]:
    table = asdict(finding)
    del table["kind"]
    return {"id": finding.id, "severity": finding.severity.value, **table}


def _make_pin_table(pin: VendorPin | None) -> dict[str, Any] | None:
    if pin is None:
        return None
    return {
        "origin": pin.origin.name.lower(),
        "stand_in": pin.stand_in,
        **({"profile": pin.profile_id} if pin.profile_id != DEFAULT else {}),
        "distributions": [
            {"name": item.name, "version": item.version, "sha256": item.sha256} for item in pin.distributions
        ],
    }
