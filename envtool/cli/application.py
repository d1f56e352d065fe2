"""The command line as Typer knows it: every command, with its options and its help."""

from __future__ import annotations

from typing import Annotated

import typer

import envtool
from envtool.cli.blame import blame
from envtool.cli.build import build
from envtool.cli.check import check
from envtool.cli.demo import demo
from envtool.cli.doctor import doctor
from envtool.cli.engine import app as engine_app
from envtool.cli.explain import explain
from envtool.cli.guard import app as guard_app
from envtool.cli.install import install
from envtool.cli.listing import list_
from envtool.cli.lock import lock
from envtool.cli.pipeline import bake, matrix
from envtool.cli.restore import restore
from envtool.cli.sbom import sbom
from envtool.cli.update import update_moreh as update_moreh_command
from envtool.cli.vendor import app as vendor_app
from envtool.cli.verify import verify

app = typer.Typer(
    name="envtool",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 all well, 1 the answer is no, 2 wrong usage, 3 and up an error (see README).",
)
app.command("doctor")(doctor)
app.command("check")(check)
app.command("install", context_settings={"ignore_unknown_options": True})(install)
app.command("explain")(explain)
app.command("restore")(restore)
app.command("list")(list_)
app.command("lock")(lock)
app.command("build")(build)
app.command("bake")(bake)
app.command("matrix")(matrix)
app.command("verify")(verify)
app.command("blame")(blame)
app.command("sbom")(sbom)
app.command("demo", hidden=True)(demo)
app.add_typer(engine_app, name="engine")
app.add_typer(vendor_app, name="vendor")
app.add_typer(guard_app, name="guard", hidden=True)

update_moreh_app = typer.Typer(
    name="update-moreh",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
update_moreh_app.command()(update_moreh_command)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"envtool {envtool.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the report only: no notes, no progress.")] = False,
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """Keep the vendor build of torch, the one that sees the KT AI Accelerator, in environments and images.

    [bold]Examples[/bold]

      envtool doctor            is this environment's torch the vendor's?

      envtool check FILE        would installing these requirements replace it?

      envtool install -r FILE   install beside it

      envtool restore           put it back

      envtool list torch        what is installed

      envtool build --demo      build hac-base from stand-ins

      envtool verify hac-base   run the image's checks

      envtool blame IMAGE       which instruction changed torch?
    """
    from envtool.cli.terminal import set_quiet

    set_quiet(quiet)
