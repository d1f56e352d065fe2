"""The command line as Typer knows it: every command, with its options and its help."""

from __future__ import annotations

from typing import Annotated, ClassVar

import typer

import envtool
from envtool.cli.lazy_group import LazyCommand, LazyGroup
from envtool.cli.terminal import print_safely, set_quiet

_COMMANDS = "envtool.cli.commands"


class CommandGroup(LazyGroup):
    """What `envtool` can do."""

    lazy_commands: ClassVar = {
        "doctor": LazyCommand(f"{_COMMANDS}.doctor", "doctor_command"),
        "check": LazyCommand(f"{_COMMANDS}.check", "check_command"),
        "scan": LazyCommand(f"{_COMMANDS}.scan", "scan_command"),
        "install": LazyCommand(f"{_COMMANDS}.install", "install_command", settings={"ignore_unknown_options": True}),
        "sync": LazyCommand(f"{_COMMANDS}.sync", "sync_command"),
        "explain": LazyCommand(f"{_COMMANDS}.explain", "explain_command"),
        "restore": LazyCommand(f"{_COMMANDS}.restore", "restore_command"),
        "guard": LazyCommand(f"{_COMMANDS}.guard", "app"),
        "protect": LazyCommand(f"{_COMMANDS}.protect", "protect_command"),
        "list": LazyCommand(f"{_COMMANDS}.list", "list_command"),
        "lock": LazyCommand(f"{_COMMANDS}.lock", "lock_command"),
        "build": LazyCommand(f"{_COMMANDS}.build", "build_command"),
        "bake": LazyCommand(f"{_COMMANDS}.bake", "bake_command"),
        "matrix": LazyCommand(f"{_COMMANDS}.matrix", "matrix_command"),
        "verify": LazyCommand(f"{_COMMANDS}.verify", "verify_command"),
        "blame": LazyCommand(f"{_COMMANDS}.blame", "blame_command"),
        "sbom": LazyCommand(f"{_COMMANDS}.sbom", "sbom_command"),
        "jobs": LazyCommand(f"{_COMMANDS}.jobs", "jobs_command"),
        "fleet": LazyCommand(f"{_COMMANDS}.fleet", "app"),
        "flavour": LazyCommand(f"{_COMMANDS}.flavour", "flavour_command"),
        "models": LazyCommand(f"{_COMMANDS}.models", "app"),
        "engine": LazyCommand(f"{_COMMANDS}.engine", "app"),
        "profile": LazyCommand(f"{_COMMANDS}.profile", "app"),
        "vendor": LazyCommand(f"{_COMMANDS}.vendor", "app"),
        "demo": LazyCommand(f"{_COMMANDS}.demo", "demo_command", is_hidden=True),
    }


app = typer.Typer(
    name="envtool",
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 all well, 1 the answer is no, 2 wrong usage, 3 and up an error (see `man envtool`).",
)


def _show_version(value: bool) -> None:
    if value:
        print_safely(f"envtool {envtool.__version__}")
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

      envtool scan PROJECT      will this program run on the accelerator?

      envtool install -r FILE   install beside it

      envtool sync              install what a project's lock names beside it

      envtool restore           put it back

      envtool list torch        what is installed

      envtool build --demo      build hac-base from stand-ins

      envtool verify hac-base   run the image's checks

      envtool blame IMAGE       which instruction changed torch?

      envtool jobs              what holds the accelerator?
    """
    set_quiet(quiet)
