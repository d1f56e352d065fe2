"""`envtool doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from envtool.cli.options import (
    ContainerOption,
    DeepOption,
    DriverOption,
    FixOption,
    FormatOption,
    IgnoreOption,
    ImageOption,
    OutputOption,
    PrefixOption,
    ProbeOption,
    ProfileOption,
    PythonOption,
    StrictOption,
    TimeLimitOption,
)
from envtool.cli.report_format import Format
from envtool.language import phrase

if TYPE_CHECKING:
    from envtool.doctor.diagnose_environment import DoctorRequest
    from envtool.doctor.findings import Report
    from envtool.environment.context import EnvironmentContext


def doctor_command(
    prefix: PrefixOption = None,
    python: PythonOption = None,
    image: ImageOption = None,
    container: ContainerOption = None,
    deep: DeepOption = False,
    probe: ProbeOption = False,
    time_limit: TimeLimitOption = None,
    driver: DriverOption = None,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    ignore: IgnoreOption = None,
    strict: StrictOption = False,
    fix: FixOption = False,
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    r"""Tell whether the vendor torch is in place and, where it is not, by whom, why and what to run.

    Exit status 0: healthy; 1: damaged or degraded. The tables \[doctor] of hac.toml and \[tool.hac.doctor] of
    pyproject.toml may set `ignore` and `strict`.

    [bold]Examples[/bold]

      envtool doctor

      envtool doctor --prefix /opt/conda/envs/pytorch --deep

      envtool doctor --image my-training:latest --format sarif -o doctor.sarif

      envtool doctor --fix
    """
    from envtool.cli.output import note_settings_author, print_report
    from envtool.cli.render.doctor import render_report
    from envtool.doctor.diagnose_environment import PROBE_TIME_LIMIT, DoctorRequest
    from envtool.doctor.findings import Status

    _require_sense(image=image, container=container, needs_environment=bool(probe or fix or driver))
    is_explicit = prefix is not None or python is not None
    with _open_context(image, container, deep=deep, is_explicit=is_explicit) as context:
        request = DoctorRequest(
            prefix=prefix,
            python=python,
            context=context,
            deep=deep,
            probe=probe,
            probe_time_limit=time_limit or PROBE_TIME_LIMIT,
            driver=driver,
            ignore=tuple(ignore or ()),
            strict=strict,
        )
        report = _diagnose(request)
        if fix:
            report = _run_fix(request, report)
        note_settings_author(report.settings, len(report.ignored))
        text = render_report(report, format)
    print_report(text, output, has_commands=format is Format.GITHUB, is_prose=format is Format.TEXT)
    raise typer.Exit(0 if report.status is Status.HEALTHY else 1)


@contextmanager
def _open_context(
    image: str | None, container: str | None, *, deep: bool, is_explicit: bool
) -> Iterator[EnvironmentContext]:
    """This machine, or the files of an image or a container, which are exported for the time of the block."""
    from envtool.environment.context import EnvironmentContext, Location

    if image is None and container is None:
        yield EnvironmentContext(is_explicit=is_explicit)
        return
    from envtool.cli.terminal import note
    from envtool.doctor.checks.cuda_direct import can_need_cuda
    from envtool.image.read.reference import is_outside_engine
    from envtool.image.read.rootfs_export import ExportFilter, container_rootfs, image_rootfs
    from envtool.release.profile import TOP_LEVEL_NAMES

    note(phrase("reading the files of {name}", name=image or container))
    if image is not None and is_outside_engine(image):
        from envtool.verify.doctor_on_layers import stored_image_context

        if deep:
            raise typer.BadParameter(phrase("--deep hashes what an engine has: docker load or docker pull it first"))
        with stored_image_context(image, is_explicit=is_explicit) as context:
            yield context
        return
    export_filter = ExportFilter(frozenset(TOP_LEVEL_NAMES) if deep else frozenset(), can_need_cuda)
    if image is not None:
        location, reference, rootfs = Location.IMAGE, image, image_rootfs
    else:
        location, reference, rootfs = Location.CONTAINER, str(container), container_rootfs
    with rootfs(reference, export_filter) as exported:
        yield EnvironmentContext(
            location=location,
            reference=reference,
            root=exported.root,
            variables=exported.variables,
            is_explicit=is_explicit,
            command=exported.command,
            folder=exported.folder,
        )


def _diagnose(request: DoctorRequest) -> Report:
    from envtool.doctor.diagnose_environment import diagnose_environment

    if not request.deep:
        return diagnose_environment(request)
    from envtool.cli.progress import progress_bars

    with progress_bars(phrase("hashing")) as advance:
        return diagnose_environment(request, progress=advance)


def _require_sense(*, image: str | None, container: str | None, needs_environment: bool) -> None:
    if image is not None and container is not None:
        raise typer.BadParameter(phrase("give --image or --container, not both"))
    if (image is not None or container is not None) and needs_environment:
        why = phrase("--probe, --driver and --fix need the environment itself, not an image or a container")
        raise typer.BadParameter(why)


def _run_fix(request: DoctorRequest, report: Report) -> Report:
    """Restore torch where it is damaged, and say which remedies are left to the person."""
    import sys
    from contextlib import redirect_stdout

    from envtool.cli.commands.restore import put_back
    from envtool.cli.terminal import note

    if not report.torch_is_intact:
        # Only the report belongs on stdout.
        with redirect_stdout(sys.stderr):
            put_back(report.environment.prefix.path, "envtool doctor --fix")
        report = _diagnose(request)
    for finding in report.findings:
        known = phrase("left to you: [{id}] {title}", id=finding.id, title=finding.title)
        run = phrase("run: {command}", command=finding.remedy) if finding.remedy else ""
        note(f"{known}; {run}" if run else known)
    return report
