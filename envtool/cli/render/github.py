"""A doctor report as annotations of GitHub Actions ("Workflow commands for GitHub Actions")."""

from __future__ import annotations

from envtool.doctor.finding_kind import Severity
from envtool.doctor.findings import Finding, Report

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render_github(report: Report) -> str:
    """One command for each finding, and the verdict as a plain line."""
    lines = [_annotation(finding) for finding in report.findings]
    lines += [f"ignored: {finding.id}" for finding in report.ignored]
    return "\n".join([*lines, f"envtool doctor: {report.status.value}"])


def _annotation(finding: Finding) -> str:
    parts = [finding.title]
    parts += [f"seen: {item.file or '…'}: expected {item.expected}, found {item.found}" for item in finding.evidence]
    parts += [f"cause: {finding.cause}"] if finding.cause else []
    parts += [f"run: {finding.remedy}"] if finding.remedy else []
    return annotation(_COMMANDS[finding.severity], f"title={annotation_property(finding.id)}", "\n".join(parts))


def annotation(command: str, properties: str, text: str) -> str:
    """One command; the properties are written as they are."""
    return f"::{command} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def annotation_property(text: str) -> str:
    """A property's value as commands spell it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
