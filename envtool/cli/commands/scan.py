"""`envtool scan`: will this program run on the accelerator?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import IgnoreOption, OutputOption, StrictOption
from envtool.cli.report_format import ScanFormat

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PROJECT…", help="Folders, or files. Default: this folder.", show_default=False),
]
TorchOption = Annotated[
    str | None,
    typer.Option(
        "--torch", metavar="VERSION", help="The vendor torch to judge for. Default: 1.7.1.", show_default=False
    ),
]
ChangedOption = Annotated[
    str | None,
    typer.Option("--changed", metavar="COMMIT", help="Only what git says was changed since.", show_default=False),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="Leave paths out, as tests/*; repeatable.", show_default=False),
]

DependencyFilesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--deps",
        metavar="FILE",
        help="Look at the wheels that a dependency file would install; repeatable. Without PROJECT, at nothing else.",
        show_default=False,
    ),
]


def scan_command(
    paths: PathsArgument = None,
    deps: DependencyFilesOption = None,
    torch: TorchOption = None,
    changed: ChangedOption = None,
    exclude: ExcludeOption = None,
    format: Annotated[ScanFormat, typer.Option("--format", help="How to print the report.")] = ScanFormat.TEXT,
    output: OutputOption = None,
    ignore: IgnoreOption = None,
    strict: StrictOption = False,
) -> None:
    r"""Tell what of a program will not run on the accelerator, what is needless there, and what to write instead.

    Reads Python, notebooks, shell scripts, YAML and JSON settings, Dockerfiles and build files; runs nothing. Exit
    status 0: nothing but notes; 1: errors or warnings. The tables \[scan] of hac.toml and \[tool.hac.scan] of
    pyproject.toml may set `ignore`, `exclude`, `torch` and `strict`; `# hac: ignore\[ID]` sets a line aside.

    [bold]Examples[/bold]

      envtool scan .

      envtool scan train.py run.sh --torch VERSION

      envtool scan --deps requirements.txt

      envtool scan . --changed origin/main --format github
    """
    from envtool.cli.output import note_settings_author, print_report
    from envtool.cli.render.scan import render_scan
    from envtool.scan.scan_program import ScanRequest, scan_program
    from envtool.scan.settings import read_scan_settings, validate_scan_ids
    from envtool.scan.torch_api import OLDEST

    chosen = tuple(paths or (() if deps else (Path(),)))
    first = next(iter((*chosen, *(deps or ()))), Path())
    first = first if first.is_dir() else first.parent
    settings = read_scan_settings(first.absolute())
    request = ScanRequest(
        paths=chosen,
        dependency_files=tuple(deps or ()),
        torch=torch or settings.torch or OLDEST,
        changed=changed,
        exclude=(*settings.exclude, *(exclude or ())),
        ignore=settings.ignore | validate_scan_ids(ignore or (), "--ignore"),
        strict=strict or settings.strict,
    )
    report = scan_program(request)
    if settings.exclude or report.ignored:
        note_settings_author(settings.path, len(report.ignored))
    print_report(
        render_scan(report, format),
        output,
        has_commands=format is ScanFormat.GITHUB,
        is_prose=format is ScanFormat.TEXT,
    )
    raise typer.Exit(0 if report.is_clean else 1)
