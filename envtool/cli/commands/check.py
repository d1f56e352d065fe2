"""`envtool check`: would installing these files replace the vendor torch?"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from envtool.cli.options import OutputFolderOption, OutputOption, PrefixOption, ProfileOption, PythonOption
from envtool.cli.report_format import CheckFormat
from envtool.cli.terminal import note
from envtool.language import phrase, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envtool.requirements.check_files import CheckRequest, CheckResult, HacImage
    from envtool.requirements.readers.base_images import BaseImages
    from envtool.requirements.settings import CheckSettings
    from envtool.requirements.uv_options import Installer


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
NoBuildOption = Annotated[bool, typer.Option("--no-build", help="Run no code of the projects, and no build back end.")]
ContextOption = Annotated[
    Path | None,
    typer.Option("--context", metavar="DIR", help="The folder Dockerfiles are built in.", show_default=False),
]
BuildArgumentsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--build-arg", metavar="NAME=VALUE", help="What an ARG of Dockerfiles gets; repeatable.", show_default=False
    ),
]
CheckTimeOption = Annotated[
    float | None,
    typer.Option("--time-limit", help="Seconds for all of it. Default: 120 a step.", min=1, show_default=False),
]

FileTypeOption = Annotated[
    str | None, typer.Option("--file-type", metavar="NAME", help="Read as a file of this name.", show_default=False)
]
UnknownCountsOption = Annotated[bool, typer.Option("--strict", help="Let unknown count as a bad answer.")]


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
    file_type: FileTypeOption = None,
    context: ContextOption = None,
    build_arg: BuildArgumentsOption = None,
    write_fixed: OutputFolderOption = None,
    format: Annotated[CheckFormat, typer.Option("--format", help="How to print the answers.")] = CheckFormat.TEXT,
    output: OutputOption = None,
    no_build: NoBuildOption = False,
    time_limit: CheckTimeOption = None,
    strict: UnknownCountsOption = False,
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    """Predict what installing dependency files would do to the vendor torch, from metadata alone.

    Reads requirements.txt, pyproject.toml, pylock.toml, uv.lock, poetry.lock, Pipfile and its lock, setup.py,
    setup.cfg, environment.yml, conda-lock.yml, Dockerfiles, and the environments of tox, nox, Hatch and pixi. A back
    end is asked in a copy. Exit status 0: torch stays, or nothing says that it would not (with --strict: torch stays);
    1: it would be replaced, or the install would fail because it is pinned; 3 and up: nothing at all could be judged.

    [bold]Examples[/bold]

      envtool check requirements.txt

      envtool check --torch VERSION --static requirements*.txt Dockerfile

      envtool check requirements.txt --write-fixed fixed
    """
    from envtool.requirements.check_files import CheckRequest

    settings, images = _read_settings(), _read_images()
    request = CheckRequest(
        files=tuple(files),
        prefix=prefix,
        python=python,
        torch=torch,
        python_version=python_version,
        static=static,
        installers=_select_installers(installer),
        upgrade=upgrade,
        only=tuple(only or ()),
        file_type=file_type,
        write_fixed=write_fixed,
        time_limit=time_limit,
        no_build=no_build,
        context=context,
        build_arguments=tuple(_parse_build_arguments(build_arg or ())),
        images=images,
        base_images=_make_base_images(images, settings, looks=not static),
        strict=strict or settings.strict,
    )
    _finish(_check(request), format, output)


def _read_settings() -> CheckSettings:
    from envtool.requirements.settings import read_check_settings

    return read_check_settings(Path.cwd())


def _check(request: CheckRequest) -> CheckResult:
    from envtool.cli.progress import counters
    from envtool.requirements.check_files import check_files

    if request.torch is not None:
        _note_unknown_build(request.torch)
    return check_files(request, display=counters)


def _note_unknown_build(torch: str) -> None:
    """Say of a torch whose label no profile knows that it is taken for a build of the default vendor's kind."""
    from envtool.release.select_profile import find_named_profile
    from envtool.release.unknown_vendor import find_unknown_build
    from envtool.release.version import parse_any_vendor_version

    # Of one that is no vendor's form the error says it.
    is_assumed = find_named_profile() is None and parse_any_vendor_version(torch) is not None
    unknown = find_unknown_build(torch) if is_assumed else None
    if unknown is not None:
        note(tell("{title}; next: {remedy}", title=unknown.title, remedy=unknown.remedy))


def _parse_build_arguments(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The names and their values; a name alone has that of the caller's environment, as for `docker build`."""
    import os

    from envtool.errors import UsageError
    from envtool.language import tell

    for text in texts:
        name, separator, value = text.partition("=")
        if not name:
            raise UsageError(tell("--build-arg takes NAME=VALUE, not {text!r}", text=text))
        if separator:
            yield name, value
        elif name in os.environ:
            yield name, os.environ[name]


def _make_base_images(images: Iterable[HacImage], settings: CheckSettings, *, looks: bool) -> BaseImages:
    from envtool.cli.output import note_settings_author
    from envtool.requirements.readers.base_images import BaseImages

    if settings.base_images:
        note_settings_author(settings.path)
    names = (*(image.name for image in images), *settings.base_images)
    return BaseImages(names=names, is_held=_is_held if looks else None)


@cache
def _is_held(reference: str) -> bool | None:
    """Whether an image of the engine here holds pip to the vendor's versions; `None` where that cannot be told."""
    from envtool.errors import BuildError, EngineError, SetupError
    from envtool.requirements.readers.run_commands import CONSTRAINTS

    try:
        from envtool.image.engine.client import find_engine

        configuration = find_engine(Path.cwd()).inspect_image(reference).get("Config", {})
    except (ImportError, EngineError, SetupError, BuildError):
        return None
    variables = configuration.get("Env")
    return f"PIP_CONSTRAINT={CONSTRAINTS}" in variables if isinstance(variables, list) else None


def _select_installers(choice: InstallerChoice) -> tuple[Installer, ...]:
    from envtool.requirements.uv_options import Installer

    return tuple(item for item in Installer if choice in {InstallerChoice.BOTH, item.value})


def _read_images() -> tuple[HacImage, ...]:
    """The image table: of the checkout that this runs in, else of the one that envtool is run from."""
    import envtool
    from envtool.documents import parse_toml
    from envtool.regular_file import read_regular_text
    from envtool.requirements.check_files import HacImage

    places = (Path("images/images.toml"), Path(envtool.__file__).parents[1] / "images/images.toml")
    try:
        rows = parse_toml(read_regular_text(next(path for path in places if path.is_file())))["image"]
        return tuple(
            HacImage(name, str(row["torch"]), str(row["release"]), str(row["python"]))
            for name, own in rows.items()
            if isinstance(own, dict) and "torch" in (row := {**rows.get(own.get("parent"), {}), **own})
        )
    except (StopIteration, OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def _finish(result: CheckResult, format: CheckFormat, output: Path | None) -> NoReturn:
    if result.error is None or format is not CheckFormat.TEXT or len(result.predictions) > 1:
        _print_result(result, format, output)
    if result.error is not None:
        raise result.error
    for error in result.not_written[1:]:
        note(error.render())
    if result.not_written:
        raise result.not_written[0]
    raise typer.Exit(1 if result.is_bad else 0)


def _print_result(result: CheckResult, format: CheckFormat, output: Path | None) -> None:
    from envtool.cli.output import print_report
    from envtool.cli.render.check import render_answers

    for path in result.written:
        note(phrase("wrote {path}; it was resolved again, and torch stays", path=path))
    text = render_answers(result.predictions, result.target, format)
    print_report(text, output, has_commands=format is CheckFormat.GITHUB, is_prose=format is CheckFormat.TEXT)
