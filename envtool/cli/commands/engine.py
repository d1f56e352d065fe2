"""`envtool engine`: the Docker Engine that the Makefile uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from envtool.cli.options import ProjectOption
from envtool.cli.terminal import note, print_line
from envtool.language import phrase

app = typer.Typer(help="The Docker Engine that builds and tests use.", no_args_is_help=True)


@app.command("start")
def start(
    project: ProjectOption = Path(),
    for_tests: Annotated[bool, typer.Option("--for-tests", help="Install what the Docker tests need, too.")] = False,
) -> None:
    """Find an engine that answers, or install and start a private one; print what DOCKER_HOST must be."""
    from envtool.demo.private_engine import ensure_engine

    print_line(ensure_engine(project, note, for_tests=for_tests))


@app.command("stop")
def stop(project: ProjectOption = Path()) -> None:
    """Stop the private engine; images stay. An engine that was not started here is never touched."""
    from envtool.demo.private_engine import PrivateEngine

    stopped = PrivateEngine.of(project).stop()
    print_line(phrase("the private engine is stopped") if stopped else phrase("no private engine was running"))


@app.command("remove")
def remove(project: ProjectOption = Path()) -> None:
    """Delete the private engine with its images; in any other engine, the images that were made here."""
    from envtool.demo.private_engine import PrivateEngine
    from envtool.errors import EngineError
    from envtool.image.engine.client import find_engine
    from envtool.image.spec.labels import OWN

    private = PrivateEngine.of(project)
    try:
        engine = find_engine(project)
    except EngineError:
        engine = None
    if engine is not None and engine.host != private.host:
        for tag in engine.remove_images(("hac-demo-*", "hac-base", "hac-bootstrap"), f"{OWN}image"):
            print_line(phrase("removed {name}", name=tag))
    private.remove()
    print_line(phrase("the private engine and its images are gone"))
