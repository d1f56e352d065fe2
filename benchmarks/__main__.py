"""Measures against peers and prints one table; exit status 1 where a limit is not kept or a command failed."""

from __future__ import annotations

import compileall
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.groups import GROUPS, Group
from benchmarks.report import Report
from benchmarks.workplace import Workplace

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).parents[1]
_FOLDER = PROJECT / ".work/bench"


def main(arguments: Sequence[str], groups: Sequence[Group] = GROUPS, folder: Path = _FOLDER) -> int:
    """Measure the groups that the arguments name, separated by commas or blanks; without any, all."""
    names = [name for argument in arguments for name in argument.replace(",", " ").split()]
    unknown = sorted({*names} - {group.name for group in groups})
    if unknown == ["help"]:
        print(_list(groups))
        return 0
    if unknown:
        print(f"error: no group of rows is called {', '.join(unknown)}; these are:\n{_list(groups)}", file=sys.stderr)
        return 2
    selected = [group for group in groups if not names or group.name in names]
    folder.mkdir(parents=True, exist_ok=True)
    if not _has_space(selected, folder):
        return 1
    # As an installed tool has it; a checkout may never have been allowed to write it.
    compileall.compile_dir(PROJECT / "envtool", quiet=1)
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as text:
        report = _measure(selected, Workplace(PROJECT, Path(text)))
    print(report)
    return 0 if report.is_well else 1


def _list(groups: Sequence[Group]) -> str:
    return "\n".join(f"  {group.name:<16} {group.gigabytes:>4.1f} GB  {group.title}" for group in groups)


def _has_space(groups: Sequence[Group], folder: Path) -> bool:
    """Say what disk space the groups need; whether it is free."""
    needed = sum(group.gigabytes for group in groups)
    free = shutil.disk_usage(folder).free / 1e9
    print(f"needs {needed:.1f} GB below {folder.parent}; {free:.1f} GB are free", file=sys.stderr, flush=True)
    if free < needed:
        print("error: that is not enough; make room, or measure fewer groups: make bench ROWS=help", file=sys.stderr)
    return free >= needed


def _measure(groups: Sequence[Group], workplace: Workplace) -> Report:
    report = Report()
    for group in groups:
        before = shutil.disk_usage(workplace.folder).used
        with report.attempt(group.name), workplace.variables(engine=group.needs_engine):
            group.measure(workplace, report)
        # Nothing is removed before the end. On a machine where nothing else writes, this is what `gigabytes` says.
        grown = (shutil.disk_usage(workplace.folder).used - before) / 1e9
        print(f"{group.name}: {grown:.1f} GB more on the disk\n", file=sys.stderr, flush=True)
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
