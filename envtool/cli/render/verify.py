"""What `envtool verify` found, in each of its formats."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from typing import Any

import envtool
from envtool.cli.render.github import annotation, annotation_property
from envtool.cli.render.junit import clean
from envtool.cli.render.prometheus import metric_labels
from envtool.cli.render.sarif import log
from envtool.cli.report_format import Format
from envtool.cli.terminal import paint
from envtool.verify.result import CheckResult, ImageResult

JSON_SCHEMA = "hac-envtool/verify/1"


def render_results(results: Sequence[ImageResult], format: Format) -> str:
    """The results in a format, without a line's end after them."""
    match format:
        case Format.TEXT:
            return "\n".join(line for result in results for line in _lines(result))
        case Format.JSON:
            return json.dumps(document(results), indent=2)
        case Format.SARIF:
            return json.dumps(_sarif(results), indent=2)
        case Format.JUNIT:
            return _junit(results)
        case Format.GITHUB:
            return "\n".join(line for result in results for line in _annotations(result))
        case Format.PROMETHEUS:
            return _metrics(results)


def _lines(result: ImageResult) -> Iterator[str]:
    for check in result.checks:
        mark = paint("pass", "green") if check.passed else paint("FAIL", "red", bold=True)
        yield f"{mark}  {check.name:<15} {check.title}"
    for check in result.failed:
        yield f"\n{check.name} said:\n{check.output}"
    if result.error:
        yield result.error
    yield f"{result.reference}: {_verdict(result)}"


def _verdict(result: ImageResult) -> str:
    if result.error:
        return "could not be verified"
    failed = len(result.failed)
    return f"{failed} check{'s' if failed > 1 else ''} failed" if failed else "all checks passed"


def document(results: Sequence[ImageResult]) -> dict[str, Any]:
    """The results as docs/verify.schema.json describes them."""
    return {
        "schema": JSON_SCHEMA,
        "status": "passed" if all(result.passed for result in results) else "failed",
        "images": [
            {
                "reference": result.reference,
                "status": "error" if result.error else "passed" if result.passed else "failed",
                "error": result.error or None,
                "checks": [
                    {"name": item.name, "title": item.title, "passed": item.passed, "output": item.output}
                    for item in result.checks
                ],
            }
            for result in results
        ],
    }


def _sarif(results: Sequence[ImageResult]) -> dict[str, Any]:
    titles = {check.name: check.title for result in results for check in result.checks}
    titles |= {"could-not-verify": "the image can be read and run"} if any(item.error for item in results) else {}
    names = list(titles)
    rows = [
        {
            "ruleId": name,
            "ruleIndex": names.index(name),
            "level": "error",
            "message": {"text": f"{reference}: {titles[name]}: no. {text}"},
            # Code scanning wants a place in the repository; an image has none but its name.
            "locations": [{"logicalLocations": [{"fullyQualifiedName": reference, "kind": "resource"}]}],
        }
        for reference, name, text in _failures(results)
    ]
    rules = [{"id": name, "shortDescription": {"text": title}} for name, title in titles.items()]
    driver = {"name": "envtool verify", "semanticVersion": envtool.__version__, "rules": rules}
    return log(driver, rows)


def _failures(results: Sequence[ImageResult]) -> Iterator[tuple[str, str, str]]:
    for result in results:
        if result.error:
            yield result.reference, "could-not-verify", result.error
        for check in result.failed:
            yield result.reference, check.name, check.output


def _junit(results: Sequence[ImageResult]) -> str:
    root = ElementTree.Element("testsuites")
    for result in results:
        counts = {"tests": len(result.checks) or 1, "failures": len(result.failed), "errors": int(bool(result.error))}
        attributes = {key: str(value) for key, value in {**counts, "skipped": 0}.items()}
        suite = ElementTree.SubElement(root, "testsuite", {"name": f"envtool verify {result.reference}", **attributes})
        for check in result.checks:
            case = ElementTree.SubElement(suite, "testcase", classname=result.reference, name=check.name)
            _told(case, check)
        if result.error:
            case = ElementTree.SubElement(suite, "testcase", classname=result.reference, name="could-not-verify")
            ElementTree.SubElement(case, "error", message=clean(result.error.splitlines()[0])).text = clean(
                result.error
            )
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _told(case: ElementTree.Element, check: CheckResult) -> None:
    if not check.passed:
        ElementTree.SubElement(case, "failure", message=clean(f"not so: {check.title}")).text = clean(check.output)
    elif check.output:
        ElementTree.SubElement(case, "system-out").text = clean(check.output)


def _annotations(result: ImageResult) -> Iterator[str]:
    for reference, name, text in _failures([result]):
        yield annotation("error", f"title={annotation_property(f'{reference}: {name}')}", text)
    yield f"{result.reference}: {_verdict(result)}"


def _metrics(results: Sequence[ImageResult]) -> str:
    lines = ["# HELP hac_verify_check 1 passed, 0 failed.", "# TYPE hac_verify_check gauge"]
    lines += [
        f"hac_verify_check{metric_labels(image=result.reference, check=check.name)} {int(check.passed)}"
        for result in results
        for check in result.checks
    ]
    lines += ["# HELP hac_verify_status 0 passed, 1 failed, 2 could not be verified."]
    lines += ["# TYPE hac_verify_status gauge"]
    for result in results:
        status = 2 if result.error else 0 if result.passed else 1
        lines.append(f"hac_verify_status{metric_labels(image=result.reference)} {status}")
    return "\n".join(lines)
