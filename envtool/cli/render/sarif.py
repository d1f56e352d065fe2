"""A report as SARIF, for code scanning (OASIS, Static Analysis Results Interchange Format 2.1.0).

GitHub refuses a whole file for one result without a file, and for more results than it takes (GitHub documentation,
"SARIF support for code scanning"): so each has a file and a line, be it the name of an image or of a folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import envtool
from envtool.cli.render.interface import CheckReport, FileLocation, Level, NamedLocation, Problem, Rule
from envtool.cli.render.json_text import render_json_text
from envtool.masking import mask_credentials
from envtool.printable import shorten_end

VERSION = "2.1.0"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# What GitHub takes at most: results of a run, places of a result, and characters of a rule's title.
_RESULTS = 25_000
_LOCATIONS = 1_000
_TITLE = 1_020
_ORDER = (Level.ERROR, Level.WARNING, Level.NOTE)
# An image's reference may begin with how it is reached.
_TRANSPORT = re.compile(
    r"^(?:[a-z-]+://|(?:oci|oci-archive|docker-archive|docker-daemon|containers-storage|dir):)(?=.)"
)


def render_sarif(report: CheckReport) -> str:
    """One log with one run; an ignored problem is a suppressed result. Of too many results, the worst are kept."""
    ids = [rule.id for rule in report.rules]
    rules = [_make_rule(rule) for rule in report.rules]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": report.tool, "semanticVersion": envtool.__version__, "rules": rules}},
        # Else a second command's log takes the place of the first's, or is refused beside it.
        "automationDetails": {"id": f"{report.tool.replace(' ', '-')}/"},
    }
    problems = _select_worst(report.problems)
    if report.exit_status is not None:
        run["invocations"] = [{"executionSuccessful": True, "exitCode": report.exit_status}]
    if report.properties:
        run["properties"] = dict(report.properties)
    if left_out := len(report.problems) - len(problems):
        run["properties"] = {**run.get("properties", {}), "resultsLeftOut": left_out}
    run["results"] = [_make_result(problem, ids) for problem in problems]
    return render_json_text({"$schema": _SCHEMA, "version": VERSION, "runs": [run]})


def _select_worst(problems: Sequence[Problem]) -> Sequence[Problem]:
    if len(problems) <= _RESULTS:
        return problems
    return sorted(problems, key=lambda problem: (problem.is_ignored, _ORDER.index(problem.level)))[:_RESULTS]


def _make_rule(rule: Rule) -> dict[str, Any]:
    page = {"help": {"text": rule.help, "markdown": rule.help}} if rule.help else {}
    level = {"level": rule.level.value}
    title = {"text": shorten_end(rule.title, _TITLE)}
    return {"id": rule.id, "shortDescription": title, **page, "defaultConfiguration": level}


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
        "locations": [_make_location(item) for item in problem.locations[:_LOCATIONS]] or [_make_place(problem)],
    }
    return {**result, "suppressions": [{"kind": "external"}]} if problem.is_ignored else result


def _make_place(problem: Problem) -> dict[str, Any]:
    """The place of a problem that names none: what it was found in, else where the command ran."""
    return _make_location(NamedLocation(problem.subject) if problem.subject else FileLocation("."))


def _make_location(location: FileLocation | NamedLocation) -> dict[str, Any]:
    if isinstance(location, NamedLocation):
        file = {"uri": quote(_TRANSPORT.sub("", mask_credentials(location.name), count=1).lstrip("/") or ".")}
        name = {"fullyQualifiedName": location.name, "kind": "resource"} if location.is_image else None
        return {**_make_physical(file, None), "logicalLocations": [name or {"name": location.name}]}
    return _make_physical({"uri": _format_uri(location.path)}, location.line)


def _make_physical(file: dict[str, str], line: int | None) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": file, "region": {"startLine": max(1, line or 1)}}}


def _format_uri(path: str) -> str:
    """A file as a reference (RFC 3986): relative where it is below the working folder, as code scanning wants it."""
    whole, here = Path(os.path.normpath(Path.cwd() / path)), Path.cwd()
    return quote(str(whole.relative_to(here))) if whole.is_relative_to(here) else whole.as_uri()
