"""`envtool check`: would installing these files replace the vendor torch?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import OutputFolderOption, OutputOption, PrefixOption, PythonOption
from envtool.cli.report_format import CheckFormat

if TYPE_CHECKING:
    from envtool.requirements.model import DependencyFile, RequirementSet
    from envtool.requirements.open_target import ConfiguredTarget
    from envtool.requirements.predict import Prediction


class InstallerChoice(StrEnum):
    """Whose behaviour is predicted."""

    BOTH = "both"
    PIP = "pip"
    UV = "uv"


FilesArgument = Annotated[
    list[Path], typer.Argument(help="Dependency files of any kind, or folders of them.", metavar="FILE…")
]
StaticOption = Annotated[bool, typer.Option("--static", help="Read the lines only: no index, milliseconds.")]
AssumedTorchOption = Annotated[
    str | None,
    typer.Option("--torch", help="Assume an environment with this vendor torch, for CI.", show_default=False),
]
PythonVersionOption = Annotated[
    str | None,
    typer.Option("--python-version", help="The Python of the assumed environment.", show_default=False),
]
LabelsOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NAME", help="This extra or group only; repeatable.", show_default=False),
]
CheckTimeOption = Annotated[float, typer.Option("--time-limit", help="Seconds for one resolution.", min=1)]


def check_command(
    files: FilesArgument,
    prefix: PrefixOption = None,
    python: PythonOption = None,
    torch: AssumedTorchOption = None,
    python_version: PythonVersionOption = None,
    static: StaticOption = False,
    installer: Annotated[InstallerChoice, typer.Option("--installer", help="Who installs.")] = InstallerChoice.BOTH,
    upgrade: Annotated[bool, typer.Option("--upgrade", "-U", help="As if installed with -U.")] = False,
    only: LabelsOption = None,
    kind: Annotated[
        str | None, typer.Option("--file-type", metavar="NAME", help="Read as a file of this name.", show_default=False)
    ] = None,
    fix: OutputFolderOption = None,
    format: Annotated[CheckFormat, typer.Option("--format", help="How to print the answers.")] = CheckFormat.TEXT,
    output: OutputOption = None,
    time_limit: CheckTimeOption = 120.0,
) -> None:
    """Predict what installing dependency files would do to the vendor torch, from metadata alone.

    Reads requirements.txt, pyproject.toml, pylock.toml, uv.lock, poetry.lock, Pipfile and its lock, setup.cfg,
    environment.yml and Dockerfiles. Exit status 0: torch stays, or nothing says that it would not; 1: it would be
    replaced, or the install would fail because it is pinned.

    [bold]Examples[/bold]

      envtool check requirements.txt

      envtool check --torch 1.7.1+cu110.moreh22.8.0 --static requirements*.txt Dockerfile

      envtool check requirements.txt --write-fixed fixed
    """
    from envtool.cli.output import write_atomic
    from envtool.cli.render.check import render_answers
    from envtool.requirements.check import check_static
    from envtool.requirements.open_target import configure_target, open_target
    from envtool.requirements.uv_options import Installer

    if fix is not None and static:
        raise typer.BadParameter("--write-fixed proves what it writes by resolving it; leave --static out")
    read = [_selected(_read(path, kind), only or (), upgrade=upgrade) for path in _expanded(files)]
    chosen = tuple(item for item in Installer if installer in {InstallerChoice.BOTH, item.value})
    with open_target(prefix, python, torch, python_version) as (target, found):
        if static:
            answers = [check_static(file, target) for file in read]
        else:
            answers = _resolved(read, configure_target(target, found, chosen, time_limit=time_limit), fix)
        text = render_answers([answer for one in answers for answer in one], target, format)
    if output is None:
        typer.echo(text)
    else:
        write_atomic(output, text + "\n")
    raise typer.Exit(1 if any(answer.is_bad for one in answers for answer in one) else 0)


def _expanded(paths: list[Path]) -> Iterator[Path]:
    """The files, and of a folder those in it that have the name of a dependency file."""
    from envtool.requirements.read_file import is_known_name

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(entry for entry in path.iterdir() if entry.is_file() and is_known_name(entry.name))
        if not found:
            raise typer.BadParameter(f"{path} has no dependency file in it")
        yield from found


def _read(path: Path, kind: str | None) -> DependencyFile:
    from envtool.requirements.read_file import read_file

    return read_file(path, kind)


def _selected(file: DependencyFile, only: list[str] | tuple[str, ...], *, upgrade: bool) -> DependencyFile:
    from envtool.requirements.model import RequirementSet

    present = file.sets or (RequirementSet(file.path, "", ()),)
    sets = [item for item in present if not only or item.label.split(" ")[-1] in only]
    if only and not sets:
        known = ", ".join(item.label.split(" ")[-1] for item in file.sets if item.label) or "none"
        raise typer.BadParameter(f"{file.path} has no extra or group of that name; it has {known}")
    return replace(file, sets=tuple(_upgraded(item) if upgrade else item for item in sets))


def _upgraded(wanted: RequirementSet) -> RequirementSet:
    return replace(wanted, options=replace(wanted.options, upgrade=True))


def _resolved(
    files: list[DependencyFile], configured: ConfiguredTarget, fix: Path | None
) -> list[tuple[Prediction, ...]]:
    from envtool.cli.progress import counters
    from envtool.cli.terminal import note
    from envtool.requirements.check import Checker
    from envtool.requirements.write_fixed import write_fixed_files

    checker = Checker(configured.target, configured.resolvers, configured.constrained)
    answers = []
    with counters("resolving") as advance:
        for file in files:
            advance(str(file.path), 0, 1)
            answers.append(checker.check(file))
            advance(str(file.path), 1, 1)
    for file, one in zip(files, answers, strict=True):
        if fix is not None and any(answer.is_bad for answer in one):
            for path in write_fixed_files(file, one, checker, fix):
                note(f"wrote {path}; it was resolved again, and torch stays")
    return answers
