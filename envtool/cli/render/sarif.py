"""A doctor report as SARIF, for code scanning (OASIS, Static Analysis Results Interchange Format 2.1.0)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import envtool
from envtool.doctor.explanation import list_finding_ids, read_page
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Finding, Report, Status

VERSION = "2.1.0"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render_sarif(report: Report) -> str:
    """The report as one SARIF log with one run; an ignored finding is a suppressed result."""
    ids = list_finding_ids()
    results = [_result(finding, ids) for finding in report.findings]
    results += [{**_result(finding, ids), "suppressions": [{"kind": "external"}]} for finding in report.ignored]
    driver = {
        "name": "envtool doctor",
        "semanticVersion": envtool.__version__,
        "rules": [_rule(kind) for kind in FindingKind],
    }
    invocation = {"executionSuccessful": True, "exitCode": 0 if report.status is Status.HEALTHY else 1}
    status = {"status": report.status.value}
    return json.dumps(log(driver, results, invocations=[invocation], properties=status), indent=2)


def log(driver: dict[str, Any], results: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A SARIF log with one run of one tool."""
    return {"$schema": _SCHEMA, "version": VERSION, "runs": [{"tool": {"driver": driver}, **more, "results": results}]}


def _rule(kind: FindingKind) -> dict[str, Any]:
    page = read_page(kind)
    return {
        "id": kind.id,
        "shortDescription": {"text": kind.title},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": kind.severity.value},
    }


def _result(finding: Finding, ids: tuple[str, ...]) -> dict[str, Any]:
    parts = [finding.title]
    parts += [f"expected {item.expected}, found {item.found}" for item in finding.evidence[:1] if item.expected]
    parts += [f"Cause: {finding.cause}"] if finding.cause else []
    parts += [f"Run: {finding.remedy}"] if finding.remedy else []
    return {
        "ruleId": finding.id,
        "ruleIndex": ids.index(finding.id),
        "level": finding.severity.value,
        "message": {"text": ". ".join(parts)},
        "locations": [_location(item.file) for item in finding.evidence if item.file is not None],
    }


def _location(file: str) -> dict[str, Any]:
    if file.startswith("/"):
        return {"physicalLocation": {"artifactLocation": {"uri": Path(file).as_uri()}}}
    return {"logicalLocations": [{"name": file}]}
