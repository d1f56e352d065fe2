"""The command line as Typer knows it: every command, with its options and its help."""

from __future__ import annotations

from typing import Annotated

import typer

import envtool
from envtool.cli.commands.blame import blame_command
from envtool.cli.commands.build import build_command
from envtool.cli.commands.check import check_command
from envtool.cli.commands.demo import demo_command
from envtool.cli.commands.doctor import doctor_command
from envtool.cli.commands.engine import app as engine_app
from envtool.cli.commands.explain import explain_command
from envtool.cli.commands.guard import app as guard_app
from envtool.cli.commands.install import install_command
from envtool.cli.commands.list import list_command
from envtool.cli.commands.lock import lock_command
from envtool.cli.commands.pipeline import bake_command, matrix_command
from envtool.cli.commands.restore import restore_command
from envtool.cli.commands.sbom import sbom_command
from envtool.cli.commands.update_moreh import update_moreh_command as update_moreh_command
from envtool.cli.commands.vendor import app as vendor_app
from envtool.cli.commands.verify import verify_command

app = typer.Typer(
    name="envtool",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 all well, 1 the answer is no, 2 wrong usage, 3 and up an error (see README).",
)
app.command("doctor")(doctor_command)
app.command("check")(check_command)
app.command("install", context_settings={"ignore_unknown_options": True})(install_command)
app.command("explain")(explain_command)
app.command("restore")(restore_command)
app.command("list")(list_command)
app.command("lock")(lock_command)
app.command("build")(build_command)
app.command("bake")(bake_command)
app.command("matrix")(matrix_command)
app.command("verify")(verify_command)
app.command("blame")(blame_command)
app.command("sbom")(sbom_command)
app.command("demo", hidden=True)(demo_command)
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
