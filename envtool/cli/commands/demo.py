"""`envtool demo`: what `make demo` runs."""

from __future__ import annotations

from pathlib import Path

import typer

from envtool.cli.options import ProjectOption
from envtool.cli.terminal import print_safely
from envtool.language import phrase, translate


def demo_command(project: ProjectOption = Path()) -> None:
    """Run the main job from end to end with stand-ins, and say whether each step gave what it should."""
    from envtool.cli.terminal import paint
    from envtool.demo.scenario import SUMMARY, run_demonstration

    results = run_demonstration(project.absolute(), lambda text: print_safely(translate(text), flush=True))
    print_safely(f"\n{translate(SUMMARY)}")
    for result in results:
        mark = paint("FAIL", "red", bold=True) if result.problems else paint("pass", "green")
        problems = "".join(f"\n        {translate(text)}" for text in result.problems)
        print_safely(f"  {mark}  {translate(result.step.title)}{problems}")
    failed = sum(1 for result in results if result.problems)
    print_safely(
        phrase("{good} of {count} steps gave what they should", good=len(results) - failed, count=len(results))
    )
    raise typer.Exit(1 if failed else 0)
