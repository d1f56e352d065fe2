"""`envtool sync`: what a project's lock names, beside the vendor torch."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.options import PrefixOption
from envtool.cli.terminal import print_safely
from envtool.language import phrase, tell, translate
from envtool.printable import join_lines, pad

if TYPE_CHECKING:
    from envtool.safe_install.sync import SyncResult

Names = list[str] | None


ProjectArgument = Annotated[
    Path, typer.Argument(help="A lock, or a folder that has one: uv.lock, poetry.lock, pdm.lock, pylock.toml.")
]
ExtraOption = Annotated[Names, typer.Option("--extra", help="Install an extra as well; repeatable.")]
AllExtrasOption = Annotated[bool, typer.Option("--all-extras", help="Install all extras.")]
GroupOption = Annotated[Names, typer.Option("--group", help="Install a group as well; repeatable.")]
NoGroupOption = Annotated[Names, typer.Option("--no-group", help="Leave a group out; repeatable.")]
OnlyGroupOption = Annotated[Names, typer.Option("--only-group", help="Install a group alone; repeatable.")]
AllGroupsOption = Annotated[bool, typer.Option("--all-groups", help="Install all groups.")]
NoDefaultGroupsOption = Annotated[
    bool, typer.Option("--no-default-groups", "--no-dev", help="Only the groups that are named.")
]
PackageOption = Annotated[Names, typer.Option("--package", help="A member of a uv workspace; repeatable.")]
AllPackagesOption = Annotated[bool, typer.Option("--all-packages", help="All members of a uv workspace.")]
NoProjectOption = Annotated[
    bool, typer.Option("--no-install-project", help="Leave the project itself out, as `uv sync` does.")
]
OverrideOption = Annotated[
    Names,
    typer.Option(
        "--override",
        metavar="REQUIREMENT",
        help="What to require of torch or a companion in the place of all that the lock's packages do; repeatable.",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")]
TimeLimitOption = Annotated[
    float | None, typer.Option("--time-limit", help="Seconds for all of it. Default: 3600.", min=1, show_default=False)
]


def sync_command(
    project: ProjectArgument = Path(),
    prefix: PrefixOption = None,
    extra: ExtraOption = None,
    all_extras: AllExtrasOption = False,
    group: GroupOption = None,
    no_group: NoGroupOption = None,
    only_group: OnlyGroupOption = None,
    all_groups: AllGroupsOption = False,
    no_default_groups: NoDefaultGroupsOption = False,
    package: PackageOption = None,
    all_packages: AllPackagesOption = False,
    no_project: NoProjectOption = False,
    override: OverrideOption = None,
    dry_run: DryRunOption = False,
    time_limit: TimeLimitOption = None,
) -> None:
    """Install everything that a project's lock names, but the vendor's torch and what only upstream's wants.

    First it is proven that the vendor's versions meet what the lock's packages require. Whatever fails, the
    environment is as it was, after a kill from the next command on. What the lock does not name stays.

    [bold]Examples[/bold]

      envtool sync --dry-run

      envtool sync --prefix /opt/conda/envs/pytorch --extra train --no-dev my-project
    """
    import sys

    from envtool.cli.terminal import is_quiet, note
    from envtool.requirements.lock_selection import LockSelection
    from envtool.safe_install.install import TIME_LIMIT
    from envtool.safe_install.sync import SyncRequest, sync

    selection = LockSelection(
        extras=tuple(extra or ()),
        all_extras=all_extras,
        groups=tuple(group or ()),
        without_groups=tuple(no_group or ()),
        only_groups=tuple(only_group or ()),
        all_groups=all_groups,
        no_default_groups=no_default_groups,
        packages=tuple(package or ()),
        all_packages=all_packages,
        no_project=no_project,
    )
    request = SyncRequest(
        project=project,
        selection=selection,
        overrides=tuple(override or ()),
        prefix=prefix,
        dry_run=dry_run,
        time_limit=time_limit or TIME_LIMIT,
    )
    result = sync(request, note=note, show_progress=sys.stderr.isatty() and not is_quiet())
    print_safely(_summarize(result, dry_run=dry_run), is_prose=True)
    if result.plan is None:
        raise typer.Exit(1)


def _summarize(result: SyncResult, *, dry_run: bool) -> str:
    from envtool.cli.commands.install import summarize_plan

    locked = result.locked
    if result.plan is None:
        return join_lines(_list_refusal(result))
    lines = summarize_plan(result.plan, dry_run=dry_run)
    for entry in locked.pinned:
        pinned = result.target.pin.find(entry.name or "")
        version = pinned.version if pinned is not None else phrase("nothing")
        text = phrase("of the lock's {requirement}: {version}", requirement=entry.display, version=version)
        lines.append(f"  {pad(phrase('instead'), 8)} {text}")
    if locked.left_out:
        count = len(locked.left_out)
        lines.append("  " + phrase("left out {count} that only upstream's torch wants:", count=count))
        lines += [f"             {entry.display}" for entry in locked.left_out]
    return join_lines(lines)


def _list_refusal(result: SyncResult) -> list[str]:
    """Which requirements are not met, and what to do about them."""
    pinned = result.target.pin.distributions
    kept = ", ".join(f"{item.name} {item.version}" for item in pinned)
    lines = [
        phrase(
            "{path}: nothing was installed, as it does not go with {packages}", path=result.locked.path, packages=kept
        )
    ]
    lines += [f"  {translate(str(demand))}" for demand in (*result.unmet, *result.broken)]
    fix, run, other = (pad(translate(text), 4) for text in (tell("fix"), tell("run"), tell("or")))
    if result.broken:
        bounds = " ".join(str(demand.requirement) for demand in result.broken)
        return [*lines, f"  {fix} {phrase('lock {bounds}', bounds=bounds)}"]
    file, version = result.locked.path.parent / "pyproject.toml", result.target.pin.version.public
    names = sorted({demand.requirement.name for demand in result.unmet} & {item.name for item in pinned})
    command = result.request.format_command(names)
    checked = [*(["--prefix", str(prefix)] if (prefix := result.request.prefix) is not None else []), str(file)]
    return [
        *lines,
        f"  {fix} {phrase('lock versions that are content with torch {version}', version=version)}",
        f"  {run} {phrase('{command}   (which lines to change)', command=shlex.join(['envtool', 'check', *checked]))}",
        f"  {other} " + phrase("{command}   (where you know that the vendor's will do)", command=command),
    ]
