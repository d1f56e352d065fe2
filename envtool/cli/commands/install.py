"""`envtool install`: an install that leaves the vendor torch alone, or the environment as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.requirements.model import RequirementSet
    from envtool.requirements.readers.install_command import InstallCommand
    from envtool.requirements.resolve import Resolution, Resolver
    from envtool.safe_install.plan import InstallPlan

Arguments = Annotated[
    list[str] | None,
    typer.Argument(help="What `pip install` takes: packages, -r FILE, -c FILE, -e PATH, -U …", metavar="…"),
]
# Seconds. A large download on a slow line, or a source distribution that compiles.
TIME_LIMIT = 3600.0


def install_command(
    arguments: Arguments = None,
    prefix: PrefixOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")] = False,
) -> None:
    """Install packages beside the vendor torch: resolve with it pinned, install, verify; or change nothing.

    Takes the options of `pip install`. Whatever fails, the environment is as it was, after a kill from the next
    command on.

    [bold]Examples[/bold]

      envtool install -r requirements.txt

      envtool install --prefix /opt/conda/envs/pytorch accelerate "timm>=0.6"
    """
    from envtool.cli.terminal import note
    from envtool.environment.prefix import find_prefix
    from envtool.environment.reader import read_environment
    from envtool.errors import InstallError
    from envtool.safe_install.plan import plan_install
    from envtool.transaction.recovery import recover

    command, wanted = _command(arguments or [])
    found = find_prefix(prefix, None)
    if not dry_run and recover(found.path, found.site_packages):
        note("took back an install, or completed a restore, that had been broken off")
    environment = read_environment(found)
    _refuse_damaged(environment)
    resolver = _resolver(environment, command)
    resolution = _resolved(wanted, resolver)
    if resolution is None:
        raise typer.Exit(1)
    plan = plan_install(environment, resolver.target.pin, wanted.requirements, resolution.changes)
    touched = [change for change in plan.changes if resolver.target.pin.find(change.name) is not None]
    if touched:
        raise InstallError(f"{touched[0]} would be a change of a pinned distribution", remedy="envtool restore")
    if not dry_run and not plan.is_empty:
        _install(plan, wanted, resolver)
    typer.echo(_summary(plan, dry_run=dry_run))


def _command(arguments: list[str]) -> tuple[InstallCommand, RequirementSet]:
    from envtool.requirements.model import RequirementSet, SourceLocation
    from envtool.requirements.readers.install_command import read_command

    # Relative paths on a command line start at the current folder.
    place = SourceLocation(Path("the command line"), 1)
    command = read_command(arguments, SourceLocation(Path("(command line)"), 1), lambda name: Path(name))
    if command.unknown:
        raise typer.BadParameter(f"{command.unknown[0]} is an option of neither pip nor uv, as far as envtool knows")
    if command.options.other_destination is not None:
        raise typer.BadParameter(
            f"{command.options.other_destination} is not the environment; torch cannot be guarded there. Use pip"
        )
    if not command.entries:
        raise typer.BadParameter("name packages, or files with -r")
    return command, RequirementSet(place.path, "", command.entries, command.options)


def _refuse_damaged(environment: Environment) -> None:
    from envtool.doctor.diagnose import diagnose
    from envtool.errors import InstallError

    damage = [item for item in diagnose(environment).findings if item.distribution is not None]
    if damage:
        raise InstallError(
            "torch is damaged already, so nothing is installed",
            why=damage[0].title,
            remedy=f"envtool restore --prefix {environment.prefix.path}",
        )


def _resolver(environment: Environment, command: InstallCommand) -> Resolver:
    from dataclasses import replace

    from envtool.requirements.open_target import configure_target, make_target
    from envtool.requirements.uv_options import Installer

    target = make_target(environment)
    # The choices are pip's where the two differ: nothing is upgraded that was not asked for.
    made = configure_target(target, environment.prefix, (Installer.PIP,), time_limit=TIME_LIMIT).resolvers[
        Installer.PIP
    ]
    variables = {**made.variables, **dict(command.variables)}
    return replace(made, passed=command.passed, variables=variables)


def _resolved(wanted: RequirementSet, resolver: Resolver) -> Resolution | None:
    """The resolution with torch pinned; where there is none, says why and what would do."""
    from envtool.cli.render.check import render_answers
    from envtool.cli.report_format import CheckFormat
    from envtool.requirements.check import Checker
    from envtool.requirements.predict import pin_constraints
    from envtool.requirements.uv_options import Installer

    resolution = resolver.resolve(wanted, constraints=pin_constraints(resolver.target.pin))
    if resolution.unsolvable is None:
        return resolution
    checker = Checker(resolver.target, {Installer.PIP: resolver}, (Installer.PIP,))
    typer.echo(render_answers(checker.check_set(wanted), resolver.target, CheckFormat.TEXT))
    return None


def _install(plan: InstallPlan, wanted: RequirementSet, resolver: Resolver) -> None:
    import sys

    from envtool.cli.terminal import is_quiet, note
    from envtool.safe_install.apply import install as carry_out

    count = sum(change.after is not None for change in plan.changes)
    note(f"installing {count} distributions beside torch {plan.pin.version}")
    # On a terminal uv shows the progress of what it fetches and builds.
    show_progress = sys.stderr.isatty() and not is_quiet()
    carry_out(plan, lambda lines, folder: resolver.stage(wanted, lines, folder, show_progress=show_progress))


def _summary(plan: InstallPlan, *, dry_run: bool) -> str:
    """What was added, changed and kept."""
    if plan.is_empty:
        return f"{plan.environment.prefix.path}: nothing to do, everything is there; torch {plan.pin.version} stays"
    lines = [f"{plan.environment.prefix.path}: {'would install' if dry_run else 'installed'}"]
    for change in plan.changes:
        if change.before is None:
            lines.append(f"  added    {change.name} {change.after}")
        elif change.after is None:
            lines.append(f"  removed  {change.name} {change.before}")
        else:
            lines.append(f"  changed  {change.name} {change.before} → {change.after}")
    kept = ", ".join(f"{item.name} {item.version}" for item in plan.pin.distributions)
    return "\n".join([*lines, f"  kept     {kept}"])
