"""What `envtool verify` found, in each of its formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from envtool.cli.render.interface import Case, CheckReport, Metric, NamedLocation, Outcome, Problem, Rule, Suite
from envtool.cli.render.json_text import format_time, render_json_text
from envtool.cli.render.write import write_report
from envtool.cli.report_format import Format
from envtool.cli.terminal import paint
from envtool.language import Message, phrase, tell, translate
from envtool.printable import join_lines, pad
from envtool.verify.result import ImageCheck, ImageResult

JSON_SCHEMA = "hac-envtool/verify/1"
_TOOL = "envtool verify"
# A person sees the kind of a problem by the first few.
_LISTED = 5
# The rule that an image breaks which cannot be verified.
_UNVERIFIED = Rule("could-not-verify", "the image can be read and run")


def render_results(results: Sequence[ImageResult], format: Format) -> str:
    """The results in a format, without a line's end after them."""
    match format:
        case Format.TEXT:
            return join_lines(line for result in results for line in _render_lines(result, is_one=len(results) == 1))
        case Format.JSON:
            return render_json_text(create_verify_document(results))
        case Format.HTML:
            from envtool.cli.render.html.reports import render_verify_page

            return render_verify_page(create_verify_document(results), results)
        case _:
            return write_report(convert_image_results(results), format)


def _render_lines(result: ImageResult, *, is_one: bool) -> Iterator[str]:
    if not is_one:
        yield f"{result.reference}:"
    for check in result.checks:
        if check in result.warnings:
            mark = paint(pad(phrase("warn"), 4), "yellow")
        elif check.passed:
            mark = paint(pad(phrase("pass"), 4), "green")
        else:
            mark = paint(pad(phrase("FAIL"), 4), "red", bold=True)
        yield f"{mark}  {check.name:<15} {translate(check.title)}"
    for check in (*result.failed, *result.warnings):
        yield from ("", phrase("{name} said:", name=check.name), *_list_output(check))
    if result.error:
        yield from translate(result.error).split("\n")
    yield f"{result.reference}: {translate(_describe_verdict(result))}"


def _list_output(check: ImageCheck) -> list[str]:
    """What a check said, or the first of its problems: the other formats have them all."""
    if len(check.problems) <= _LISTED:
        return translate(check.output).split("\n")
    rest = len(check.problems) - _LISTED
    return [
        *(translate(problem) for problem in check.problems[:_LISTED]),
        phrase("and {count} more; --format json has them all", count=rest),
    ]


def _describe_verdict(result: ImageResult) -> Message:
    if result.error:
        return tell("could not be verified")
    failed = len(result.failed)
    if failed:
        return tell("1 check failed") if failed == 1 else tell("{count} checks failed", count=failed)
    warned = len(result.warnings)
    return tell("all checks passed, {count} with a warning", count=warned) if warned else tell("all checks passed")


def create_verify_document(results: Sequence[ImageResult]) -> dict[str, Any]:
    """The results as docs/verify.schema.json describes them."""
    return {
        "schema": JSON_SCHEMA,
        "status": "passed" if all(result.passed for result in results) else "failed",
        "images": [
            {
                "reference": result.reference,
                "status": "error" if result.error else "passed" if result.passed else "failed",
                "error": result.error or None,
                "time": format_time(result.time),
                "digest": result.digest or None,
                "torch": result.torch or None,
                "culprits": list(result.culprits),
                "checks": [
                    {"name": item.name, "title": item.title, "passed": item.passed, "output": item.output}
                    for item in result.checks
                ],
            }
            for result in results
        ],
    }


def convert_image_results(results: Sequence[ImageResult]) -> CheckReport:
    """The results as the writers take them: a suite for each image."""
    titles = {check.name: check.title for result in results for check in result.checks}
    rules = [Rule(name, title) for name, title in titles.items()]
    rules += [_UNVERIFIED] if any(item.error for item in results) else []
    return CheckReport(
        tool=_TOOL,
        rules=tuple(rules),
        suites=tuple(_make_suite(result) for result in results),
        metrics=_make_metrics(results),
    )


def _make_suite(result: ImageResult) -> Suite:
    cases = [_make_case(check, result.reference) for check in result.checks]
    if result.error:
        problem = _make_problem(result.reference, _UNVERIFIED.id, f"{_UNVERIFIED.title}: no", result.error)
        cases.append(Case(_UNVERIFIED.id, Outcome.ERROR, (problem,)))
    return Suite(
        name=f"{_TOOL} {result.reference}",
        group=result.reference,
        verdict=f"{result.reference}: {_describe_verdict(result)}",
        cases=tuple(cases),
        problems=tuple(problem for case in cases for problem in case.problems),
    )


def _make_case(check: ImageCheck, reference: str) -> Case:
    if check.passed or check.is_warning:
        return Case(check.name, Outcome.PASSED, output=check.output)
    return Case(check.name, Outcome.FAILED, (_make_problem(reference, check.name, f"{check.title}: no", check.output),))


def _make_problem(reference: str, rule: str, title: str, message: str) -> Problem:
    location = NamedLocation(reference, is_image=True)
    return Problem(rule=rule, title=title, subject=reference, message=message, locations=(location,))


def _make_metrics(results: Sequence[ImageResult]) -> tuple[Metric, ...]:
    checks = tuple(
        ({"image": result.reference, "check": check.name}, int(check.passed))
        for result in results
        for check in result.checks
    )
    statuses = tuple(
        ({"image": result.reference}, 2 if result.error else 0 if result.passed else 1) for result in results
    )
    return (
        Metric("hac_verify_check", "1 passed, 0 failed.", checks),
        Metric("hac_verify_status", "0 passed, 1 failed, 2 could not be verified.", statuses),
    )
