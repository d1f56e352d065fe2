"""`envtool matrix`: the image table for a pipeline."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.image_selection import AllOption, DemoOption, ImagesArgument, select_specs
from envtool.cli.options import ProjectOption
from envtool.cli.render.json_text import render_json_text
from envtool.cli.terminal import note, print_safely
from envtool.language import phrase

if TYPE_CHECKING:
    from envtool.image.spec.table import ImageSpec


class MatrixFormat(StrEnum):
    """Whose pipeline the jobs are for."""

    GITHUB = "github"
    GITLAB = "gitlab"


def _is_locked(spec: ImageSpec) -> bool:
    from envtool.image.lock.lockfile import FOLDER

    if (spec.project / FOLDER / f"{spec.name}.lock.toml").exists():
        return True
    note(phrase("{name} is left out: it was never locked; run: envtool lock {name}", name=spec.name))
    return False


def matrix_command(
    format: Annotated[MatrixFormat, typer.Option("--format", help="Whose pipeline it is for.")],
    images: ImagesArgument = None,
    demo: DemoOption = False,
    everything: AllOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Print the images as jobs, as JSON: a matrix for GitHub Actions, or a child pipeline for GitLab.

    Unless they are named, images that were never locked are left out: no job could build them.

    [bold]Examples[/bold]

      envtool matrix --format github --all

      envtool matrix --format gitlab --all > images.gitlab-ci.yml
    """
    from envtool.image.context.bake import render_github_matrix, render_gitlab_pipeline
    from envtool.image.graph import add_parents

    specs = add_parents(select_specs(project, images, demo=demo, everything=everything))
    if not images:
        specs = tuple(spec for spec in specs if _is_locked(spec))
    # A matrix is put into an output of a job, which is one line.
    if format is MatrixFormat.GITHUB:
        print_safely(render_json_text(render_github_matrix(specs), indent=None))
    else:
        print_safely(render_json_text(render_gitlab_pipeline(specs)))
