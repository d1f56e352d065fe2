"""`envtool doctor`: its options and its help. What it does is in `examine`."""

from __future__ import annotations

import typer

from envtool.cli.doctor_request import DoctorRequest, Format
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
    PythonOption,
    StrictOption,
    TimeLimitOption,
)


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
) -> None:
    """Tell whether the vendor torch is in place and, where it is not, by whom, why and what to type.

    Exit status 0: healthy; 1: damaged or degraded. The tables \\[doctor] of hac.toml and \\[tool.hac.doctor] of
    pyproject.toml may set `ignore` and `strict`.

    [bold]Examples[/bold]

      envtool doctor

      envtool doctor --prefix /opt/conda/envs/pytorch --deep

      envtool doctor --image my-training:latest --format sarif -o doctor.sarif

      envtool doctor --fix
    """
    from envtool.cli.run_doctor import run_doctor
    from envtool.cli.terminal import is_quiet

    if image is not None and container is not None:
        raise typer.BadParameter("give --image or --container, not both")
    if (image is not None or container is not None) and (probe or fix or driver):
        raise typer.BadParameter("--probe, --driver and --fix need the environment itself, not an image or a container")
    request = DoctorRequest(
        prefix,
        python,
        image,
        container,
        deep,
        probe,
        time_limit,
        driver,
        format,
        output,
        tuple(ignore or ()),
        strict,
        fix,
        is_quiet(),
    )
    raise typer.Exit(run_doctor(request))
