"""`envtool install`: an install that leaves the vendor torch alone, or the environment as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption, ProfileOption
from envtool.cli.terminal import print_safely
from envtool.language import phrase
from envtool.printable import join_lines, pad

if TYPE_CHECKING:
    from envtool.safe_install.plan import InstallPlan

Arguments = Annotated[
    list[str] | None,
    typer.Argument(help="What `pip install` takes: packages, -r FILE, -c FILE, -e PATH, -U …", metavar="…"),
]


def install_command(
    arguments: Arguments = None,
    prefix: PrefixOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")] = False,
    profile: ProfileOption = None,  # noqa: ARG001
) -> None:
    """Install packages beside the vendor torch: resolve with it pinned, install, verify; or change nothing.

    Takes the options of `pip install`. Whatever fails, the environment is as it was, after a kill from the next
    command on.

    [bold]Examples[/bold]

      envtool install -r requirements.txt

      envtool install --prefix /opt/conda/envs/pytorch accelerate "timm>=0.6"
    """
    import sys

    from envtool.cli.terminal import is_quiet, note
    from envtool.safe_install.install import InstallRequest, install

    request = InstallRequest(arguments=tuple(arguments or ()), prefix=prefix, dry_run=dry_run)
    # On a terminal uv shows the progress of what it fetches and builds.
    result = install(request, note=note, show_progress=sys.stderr.isatty() and not is_quiet())
    if result.plan is None:
        from envtool.cli.render.check import render_answers
        from envtool.cli.report_format import CheckFormat

        print_safely(render_answers(result.predictions, result.target, CheckFormat.TEXT), is_prose=True)
        raise typer.Exit(1)
    print_safely(join_lines(summarize_plan(result.plan, dry_run=dry_run)), is_prose=True)


def summarize_plan(plan: InstallPlan, *, dry_run: bool) -> list[str]:
    """What was added, changed and kept."""
    path = plan.environment.prefix.path
    if plan.is_empty:
        return [
            phrase(
                "{path}: nothing to do, everything is there; torch {version} stays", path=path, version=plan.pin.version
            )
        ]
    lines = [phrase("{path}: would install", path=path) if dry_run else phrase("{path}: installed", path=path)]
    for change in plan.changes:
        if change.before is None:
            lines.append(f"  {pad(phrase('added'), 8)} {change.name} {change.after}")
        elif change.after is None:
            lines.append(f"  {pad(phrase('removed'), 8)} {change.name} {change.before}")
        else:
            lines.append(f"  {pad(phrase('changed'), 8)} {change.name} {change.before} → {change.after}")
    kept = ", ".join(f"{item.name} {item.version}" for item in plan.pin.distributions)
    return [*lines, f"  {pad(phrase('kept'), 8)} {kept}"]
