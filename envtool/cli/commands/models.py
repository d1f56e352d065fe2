"""`envtool models`: small models that really learn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import ModelTimeLimitOption, PlainFormatOption, PrefixOption, ProjectOption, PythonOption
from envtool.cli.report_format import PlainFormat
from envtool.cli.terminal import note, print_line
from envtool.language import phrase, translate

app = typer.Typer(help="Small models that really learn: list, fetch and run them.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="A model of `envtool models list`.", show_default=False)]


@app.command("list")
def list_models() -> None:
    """List the models there are."""
    from envtool.models.catalog import SAMPLES

    width = max(len(sample.name) for sample in SAMPLES)
    for sample in SAMPLES:
        print_line(f"{sample.name:<{width}}  {translate(sample.title)}")


@app.command("get")
def get(
    name: NameArgument,
    folder: Annotated[
        Path | None,
        typer.Argument(help="The folder to make. Default: the model's name, in this one.", show_default=False),
    ] = None,
) -> None:
    """Fetch a model's folder with its scripts and data; then `python train.py -b 64` there."""
    from envtool.models.catalog import copy_sample, find_sample

    sample = find_sample(name)
    target = folder or Path(sample.name)
    copy_sample(sample, target)
    print_line(str(target))


@app.command("run")
def run(
    name: NameArgument,
    prefix: PrefixOption = None,
    python: PythonOption = None,
    image: Annotated[
        str | None, typer.Option("--image", help="Run it inside an image, without a network.", show_default=False)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", "-b", min=1, help="Samples at a time.", show_default=False)
    ] = None,
    time_limit: ModelTimeLimitOption = None,
    project: ProjectOption = Path(),
    format: PlainFormatOption = PlainFormat.TEXT,
) -> None:
    """Train a model and say whether it learns: the loss falls, it is right, a new process gets the same answers.

    Exit status 0: it does, with the torch that is pinned; 1: it does not.
    """
    from envtool.cli.output import print_report
    from envtool.cli.render.models import render_model_run
    from envtool.models.run_model import TIME_LIMIT, ModelRequest, run_model

    if image is not None and (prefix is not None or python is not None):
        raise typer.BadParameter(phrase("give --image, or --prefix or --python"))
    note(phrase("training {name}; a minute, or less", name=name))
    request = ModelRequest(
        name=name,
        prefix=prefix,
        python=python,
        image=image,
        batch_size=batch_size,
        time_limit=time_limit or TIME_LIMIT,
        project=project,
    )
    result = run_model(request)
    print_report(render_model_run(result, format), None, is_prose=format is PlainFormat.TEXT)
    raise typer.Exit(0 if result.passed else 1)
