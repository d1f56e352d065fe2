"""A report as annotations of GitHub Actions ("Workflow commands for GitHub Actions")."""

from __future__ import annotations

from collections.abc import Iterator

from envtool.cli.render.interface import CheckReport, FileLocation, Level, Problem
from envtool.masking import MaskedText, mask_credentials
from envtool.printable import join_lines, spoil_commands

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def render_github(report: CheckReport) -> str:
    """One command for each problem, and each subject's verdict as a plain line."""
    return MaskedText(join_lines(_render_lines(report)))


def _render_lines(report: CheckReport) -> Iterator[str]:
    for suite in report.suites:
        for problem in suite.problems:
            yield f"ignored: {problem.rule}" if problem.is_ignored else _render_annotation(problem)
    # These are no commands, whatever a subject is called.
    yield from (spoil_commands(mask_credentials(suite.verdict)) for suite in report.suites)


def _render_annotation(problem: Problem) -> str:
    properties: dict[str, str] = {}
    # What is not in the checkout has no line to be shown at.
    at = next((item for item in problem.locations if isinstance(item, FileLocation) and item.line is not None), None)
    if at is not None:
        properties = {"file": at.path, "line": str(at.line)}
    properties["title"] = f"{problem.subject}: {problem.rule}" if problem.subject else problem.rule
    told = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[problem.level]} {told}::{_escape(_render_text(problem))}"


def _render_text(problem: Problem) -> str:
    parts = [problem.message or problem.title]
    parts += [f"seen: {item.place}: expected {item.expected}, found {item.found}" for item in problem.observations]
    parts += [f"cause: {problem.cause}"] if problem.cause else []
    parts += [f"run: {problem.remedy}"] if problem.remedy else []
    return "\n".join(parts)


def _escape(text: str) -> str:
    # Masked here, because an escape would hide what is to be masked.
    return spoil_commands(mask_credentials(text)).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
