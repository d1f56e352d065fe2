"""A report as SARIF, for code scanning (OASIS, Static Analysis Results Interchange Format 2.1.0)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import envtool
from envtool.cli.render.interface import CheckReport, FileLocation, NamedLocation, Problem, Rule
from envtool.cli.render.json_text import render_json_text

VERSION = "2.1.0"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render_sarif(report: CheckReport) -> str:
    """One log with one run; an ignored problem is a suppressed result."""
    ids = [rule.id for rule in report.rules]
    rules = [_make_rule(rule) for rule in report.rules]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": report.tool, "semanticVersion": envtool.__version__, "rules": rules}}
    }
    if report.exit_status is not None:
        run["invocations"] = [{"executionSuccessful": True, "exitCode": report.exit_status}]
    if report.properties:
        run["properties"] = dict(report.properties)
    run["results"] = [_make_result(problem, ids) for problem in report.problems]
    return render_json_text({"$schema": _SCHEMA, "version": VERSION, "runs": [run]})


def _make_rule(rule: Rule) -> dict[str, Any]:
    page = {"help": {"text": rule.help, "markdown": rule.help}} if rule.help else {}
    level = {"level": rule.level.value}
    return {"id": rule.id, "shortDescription": {"text": rule.title}, **page, "defaultConfiguration": level}


def _make_result(problem: Problem, ids: list[str]) -> dict[str, Any]:
    parts = [f"{problem.subject}: {problem.title}" if problem.subject else problem.title]
    parts += [f"expected {item.expected}, found {item.found}" for item in problem.observations[:1] if item.expected]
    parts += [problem.message] if problem.message else []
    parts += [f"Cause: {problem.cause}"] if problem.cause else []
    parts += [f"Run: {problem.remedy}"] if problem.remedy else []
    result = {
        "ruleId": problem.rule,
        "ruleIndex": ids.index(problem.rule),
        "level": problem.level.value,
        "message": {"text": ". ".join(parts)},
        "locations": [_make_location(item) for item in problem.locations],
    }
    return {**result, "suppressions": [{"kind": "external"}]} if problem.is_ignored else result


def _make_location(location: FileLocation | NamedLocation) -> dict[str, Any]:
    if isinstance(location, NamedLocation):
        # Code scanning wants a place in the repository; an image has none but its name.
        name = {"fullyQualifiedName": location.name, "kind": "resource"} if location.is_image else None
        return {"logicalLocations": [name or {"name": location.name}]}
    uri = Path(location.path).as_uri() if location.path.startswith("/") and location.line is None else location.path
    region = {"region": {"startLine": location.line}} if location.line is not None else {}
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, **region}}
