"""`envtool profile`: what is known of the vendors of torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.terminal import print_line, print_safely
from envtool.language import join_alternatives, phrase, tell, translate
from envtool.printable import pad

if TYPE_CHECKING:
    from envtool.release.profile import Profile

app = typer.Typer(help="Vendors of torch, and what is known of each.", no_args_is_help=True)


@app.command("list")
def list_profiles_command() -> None:
    """Print the profiles there are, each with its name, and how it comes to be used."""
    from envtool.release.read_profile import DEFAULT, list_profiles

    for profile in list_profiles():
        used = phrase("found from what is installed") if profile.detected else phrase("only where it is named")
        if profile.id == DEFAULT:
            used = phrase("the default")
        print_line(f"{profile.id:<12} {pad(translate(profile.title), 36)} {used}")


@app.command("show")
def show_profile_command(
    name: Annotated[str, typer.Argument(help="A profile's name, or a file.", metavar="NAME", show_default=False)],
) -> None:
    """Print what a profile says, in words."""
    from envtool.release.read_profile import load_profile

    print_safely("\n".join(_describe(load_profile(name))), is_prose=True)


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
    from envtool.release.unknown_vendor import find_unknown_build

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
        names = ", ".join(others)
        unknown = find_unknown_build(text)
        if unknown is not None and unknown.is_invalid:
            print_line(phrase("{version}: is not recognised; {why}", version=text, why=unknown.why))
        elif not recognised:
            print_line(phrase("{version}: is not recognised", version=text))
        elif others:
            print_line(phrase("{version}: recognises it; so does {names}", version=text, names=names))
        else:
            print_line(phrase("{version}: recognises it", version=text))
    if missed:
        raise typer.Exit(1)
    if profile.id == DEFAULT:
        text = tell("{file} is the profile {id} (in the place of the default one): {title}", **_name(file, profile))
    else:
        text = tell("{file} is the profile {id}: {title}", **_name(file, profile))
    print_line(translate(text))
    print_line(phrase("use it with --profile {file}, or put it into {folder}", file=file, folder=get_profiles_folder()))


def _name(file: Path, profile: Profile) -> dict[str, object]:
    return {"file": file, "id": profile.id, "title": profile.title}


def _describe(profile: Profile) -> list[str]:
    signs = (*profile.signs.files, *profile.signs.variables, *profile.signs.distributions)
    intruders = (*(f"{prefix}*" for prefix in profile.intruders.prefixes), *sorted(profile.intruders.names))
    lines = [
        f"{profile.id}: {translate(profile.title)}",
        _row(tell("pins"), ", ".join(item.name for item in profile.pinned)),
        *(_row(tell("recognises"), f"{rule.distribution} {rule.pattern.pattern}") for rule in profile.versions),
        _row(tell("signs"), ", ".join(signs) or phrase("none")),
        _row(tell("intruders"), ", ".join(intruders) or phrase("none")),
    ]
    for name, others in profile.stand_ins.items():
        text = phrase("{names} for {name}", names=join_alternatives(others), name=name)
        lines.append(_row(tell("stand-in"), text))
    for item in profile.published:
        python = f", Python {item.python[0]}.{item.python[1]}" if item.python else ""
        companions = ", ".join(f"{name} {version}" for name, version in item.companions.items())
        text = f"torch {item.torch}{python}: {companions or phrase('no companions known')}"
        lines.append(_row(tell("published"), text))
    lines += [_row(tell("asks"), ", ".join(profile.driver.programs))] if profile.driver.programs else []
    lines += [_row(tell("index"), address) for address in profile.indexes]
    lines += [_row(tell("wheels"), str(folder)) for folder in profile.wheels]
    return [*lines, _row(tell("at stake"), profile.cure.lost), _row(tell("way back"), profile.cure.restore)]


def _row(label: str, text: str) -> str:
    return f"  {pad(translate(label), 11)} {translate(text)}"
