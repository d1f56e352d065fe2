"""What `envtool doctor` does, once its options are read. Imports next to nothing: it is to feel instant."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.cli.doctor_request import DoctorRequest, Format
from envtool.doctor.cache import DiagnosisCache, open_cache
from envtool.doctor.diagnose import ExtraCheck, diagnose
from envtool.doctor.findings import Report, Status
from envtool.environment.context import EnvironmentContext, Location
from envtool.environment.looking import is_folder, is_there, start_witness, witnessed
from envtool.environment.prefix import Prefix, find_prefix
from envtool.environment.reader import read_environment

if TYPE_CHECKING:
    from envtool.doctor.findings import Finding
    from envtool.driver.ask import DriverQuery, QueryResult
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


def run_doctor(request: DoctorRequest, arguments: list[str] | None = None) -> int:
    """Diagnose, print the report, and return the exit status: 0 for healthy, else 1.

    `arguments` are those that the request was read from, where the answer may be kept for the same ones. Raises
    `EnvtoolError`.
    """
    from envtool.cli.terminal import set_quiet

    set_quiet(request.quiet)
    start_witness()
    with _file_system(request) as context:
        prefix = find_prefix(request.prefix, request.python, context)
        report = _apply_settings(request, _report(request, prefix, context))
        if request.fix:
            report = _apply_fix(request, prefix, context, report)
        text = render(report, request.format)
    if request.output is None:
        print(text)
        if arguments is not None and not (request.deep or report.findings or report.ignored or report.driver):
            _keep(arguments, report, text)
    else:
        from envtool.cli.output import write_atomic

        write_atomic(request.output, text + "\n")
    return 0 if report.status is Status.HEALTHY else 1


@contextmanager
def _file_system(request: DoctorRequest) -> Iterator[EnvironmentContext]:
    named = request.prefix is not None or request.python is not None
    if request.image is None and request.container is None:
        yield EnvironmentContext(is_explicit=named)
        return
    from envtool.cli.terminal import note
    from envtool.doctor.checks.cuda_direct import can_need_cuda
    from envtool.image.read.rootfs_export import ExportFilter, container_rootfs, image_rootfs
    from envtool.release.profile import TOP_LEVEL_NAMES

    note(f"reading the files of {request.image or request.container}")
    taking = ExportFilter(frozenset(TOP_LEVEL_NAMES) if request.deep else frozenset(), can_need_cuda)
    if request.image is not None:
        location, reference, opening = Location.IMAGE, request.image, image_rootfs
    else:
        location, reference, opening = Location.CONTAINER, str(request.container), container_rootfs
    with opening(reference, taking) as opened:
        yield EnvironmentContext(location, reference, opened.root, opened.variables, named)


def _report(request: DoctorRequest, prefix: Prefix, context: EnvironmentContext) -> Report:
    question = _question(request, context)
    environment = read_environment(prefix, context)
    extra_checks: list[ExtraCheck] = []
    if request.probe:
        from envtool.doctor.probe import TIME_LIMIT, make_probe_check

        extra_checks.append(make_probe_check(request.time_limit or TIME_LIMIT))
    readings: list[QueryResult] = []
    if question is not None:
        extra_checks.append(partial(_driver, question, readings, bool(request.driver)))
    if request.deep:
        from envtool.cli.progress import progress_bars

        with progress_bars("hashing") as advance:
            report = diagnose(environment, deep=True, progress=advance, extra_checks=tuple(extra_checks))
    else:
        cache = open_cache(prefix.path) if context.is_local else DiagnosisCache(None)
        report = diagnose(environment, extra_checks=tuple(extra_checks), cache=cache)
        cache.save()
        report = replace(report, vouched=tuple(cache.vouched))
    return replace(report, driver=readings[0].summary) if readings else report


def _driver(
    question: DriverQuery | QueryResult,
    readings: list[QueryResult],
    asked: bool,
    environment: Environment,
    pin: VendorPin | None,
) -> Iterator[Finding]:
    """The driver's check, which comes last: its program has been at work since before the others began."""
    from envtool.doctor.checks import driver
    from envtool.driver.ask import QueryResult

    readings.append(question if isinstance(question, QueryResult) else question.read_result())
    yield from driver.check(environment, pin, readings[0], asked=asked)


def _keep(arguments: list[str], report: Report, text: str) -> None:
    """Keep the answer, where each pinned distribution's files are vouched for."""
    seen = witnessed()
    vouched = report.vouched
    if report.pin is not None and len(vouched) == len(report.pin.distributions):
        from envtool.cli.again import keep_answer

        keep_answer(arguments, seen, list(vouched), f"{text}\n")


def _question(request: DoctorRequest, context: EnvironmentContext) -> DriverQuery | QueryResult | None:
    """The driver's program, started, where it is there or was asked for; never for an image or a container."""
    if not context.is_local or request.driver is False:
        return None
    if not request.driver and not is_folder("/etc/moreh") and not _has_driver():
        return None
    from envtool.driver.ask import start_query

    return start_query(os.environ)


def _has_driver() -> bool:
    folders = os.environ.get("PATH", os.defpath).split(":")
    return any(is_there(f"{folder}/{name}") for folder in folders for name in ("moreh-smi", "ap-smi"))


def _apply_settings(request: DoctorRequest, report: Report) -> Report:
    from envtool.doctor.settings import read_settings, validate_ids

    settings = read_settings(Path.cwd())
    ignored = settings.ignore | validate_ids(request.ignore, "--ignore")
    return report.with_ignored(ignored, strict=request.strict or settings.strict)


def _apply_fix(request: DoctorRequest, prefix: Prefix, context: EnvironmentContext, report: Report) -> Report:
    """Apply the remedies that are envtool's own, and say which are left to the person."""
    from envtool.cli.terminal import note

    if not report.torch_is_intact:
        from envtool.cli.commands.restore import put_back

        # The report is all that belongs on stdout.
        with redirect_stdout(sys.stderr):
            put_back(prefix.path, "envtool doctor --fix")
        report = _apply_settings(request, _report(request, prefix, context))
    for finding in report.findings:
        note(f"left to you: [{finding.id}] {finding.title}" + (f"; type: {finding.remedy}" if finding.remedy else ""))
    return report


def render(report: Report, format: Format) -> str:
    """The report in a format, without a line's end after it."""
    match format:
        case Format.TEXT:
            from envtool.cli.render.text import render_text

            return render_text(report)
        case Format.JSON:
            from envtool.cli.render.json_document import render_json

            return render_json(report)
        case Format.SARIF:
            from envtool.cli.render.sarif import render_sarif

            return render_sarif(report)
        case Format.JUNIT:
            from envtool.cli.render.junit import render_junit

            return render_junit(report)
        case Format.GITHUB:
            from envtool.cli.render.github import render_github

            return render_github(report)
        case Format.PROMETHEUS:
            from envtool.cli.render.prometheus import render_prometheus

            return render_prometheus(report)
