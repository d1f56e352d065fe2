"""`envtool profile`: what is known of the vendors of torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.terminal import print_line, print_safely

if TYPE_CHECKING:
    from envtool.release.profile import Profile

app = typer.Typer(help="Vendors of torch, and what is known of each.", no_args_is_help=True)


@app.command("list")
def list_profiles_command() -> None:
    """Print the profiles there are, each with its name, and how it comes to be used."""
    from envtool.release.read_profile import DEFAULT, list_profiles

    for profile in list_profiles():
        used = "found from what is installed" if profile.detected else "only where it is named"
        print_line(f"{profile.id:<12} {profile.title:<36} {'the default' if profile.id == DEFAULT else used}")


@app.command("show")
def show_profile_command(
    name: Annotated[str, typer.Argument(help="A profile's name, or a file.", metavar="NAME", show_default=False)],
) -> None:
    """Print what a profile says, in words."""
    from envtool.release.read_profile import load_profile

    print_safely("\n".join(_describe(load_profile(name))))


@app.command("check")
def check_profile_command(
    file: Annotated[Path, typer.Argument(help="A profile of your own.", metavar="FILE", show_default=False)],
    version: Annotated[
        list[str] | None,
        typer.Option("--version", metavar="VERSION", help="A torch that it must recognise; repeatable."),
    ] = None,
) -> None:
    """Check a file: is it a profile, and whose versions would it take for its own?

    Exit status 0: it is one, and recognises every --version; 1: it does not.

    [bold]Example[/bold]

      envtool profile check acme.toml --version 2.4.0+acme7
    """
    from envtool.release.profile import TORCH
    from envtool.release.read_profile import DEFAULT, get_profiles_folder, list_profiles, read_profile
    from envtool.release.select_profile import match_profile

    profile = read_profile(file)
    missed = 0
    for text in version or ():
        versions = {name: [text] for name in profile.telling_names}
        others = [
            item.id
            for item in list_profiles()
            if item.id != profile.id and match_profile(item, {TORCH: [text]}) and match_profile(profile, versions)
        ]
        recognised = match_profile(profile, versions)
        missed += not recognised
        also = f"; so does {', '.join(others)}" if others else ""
        print_line(f"{text}: {'recognises it' + also if recognised else 'is not recognised'}")
    if missed:
        raise typer.Exit(1)
    default = " (in the place of the default one)" if profile.id == DEFAULT else ""
    print_line(f"{file} is the profile {profile.id}{default}: {profile.title}")
    print_line(f"use it with --profile {file}, or put it into {get_profiles_folder()}")


def _describe(profile: Profile) -> list[str]:
    signs = (*profile.signs.files, *profile.signs.variables, *profile.signs.distributions)
    intruders = (*(f"{prefix}*" for prefix in profile.intruders.prefixes), *sorted(profile.intruders.names))
    lines = [
        f"{profile.id}: {profile.title}",
        f"  pins        {', '.join(item.name for item in profile.pinned)}",
        *(f"  recognises  {rule.distribution} {rule.pattern.pattern}" for rule in profile.versions),
        f"  signs       {', '.join(signs) or 'none'}",
        f"  intruders   {', '.join(intruders) or 'none'}",
    ]
    for name, others in profile.stand_ins.items():
        lines.append(f"  stand-in    {' or '.join(others)} for {name}")
    for item in profile.published:
        python = f", Python {item.python[0]}.{item.python[1]}" if item.python else ""
        companions = ", ".join(f"{name} {version}" for name, version in item.companions.items())
        lines.append(f"  published   torch {item.torch}{python}: {companions or 'no companions known'}")
    lines += [f"  asks        {', '.join(profile.driver.programs)}"] if profile.driver.programs else []
    lines += [f"  index       {address}" for address in profile.indexes]
    lines += [f"  wheels      {folder}" for folder in profile.wheels]
    return [*lines, f"  at stake    {profile.cure.lost}", f"  way back    {profile.cure.restore}"]
