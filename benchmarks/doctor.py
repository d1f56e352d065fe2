"""`envtool doctor` against `pip check`, `uv pip check` and `sha256sum -c`, and how it grows."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.commands import Command
from benchmarks.environments import TOOLS, make_environment
from benchmarks.timing import Row, make_difference_row, make_peak_row, make_ratio_row, time_alternately
from envtool.wheel.record import parse_record

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

_DOCTOR: list[str | Path] = [TOOLS / "envtool", "doctor", "--no-driver", "--prefix"]


def measure(workplace: Workplace, report: Report) -> None:
    """On an environment of 300 distributions with a real torch."""
    prefix = workplace.environment
    # RECORDs that were written a moment ago are not cached yet.
    time.sleep(1.5)
    with report.attempt("doctor, again and for the first time"):
        report.add(_measure_plain(prefix))
    with report.attempt("doctor --deep"):
        report.add(_measure_deep(prefix, workplace.folder))
    with report.attempt("doctor in Korean"):
        report.add([_measure_korean(prefix)])
    with report.attempt("the phases of doctor"):
        report.add_text(_measure_phases(prefix))


def _measure_plain(prefix: Path, runs: int = 15) -> list[Row]:
    commands: list[Command] = [
        [*_DOCTOR, prefix],
        [prefix / "bin/pip", "check"],
        [TOOLS / "uv", "pip", "check", "--python", prefix / "bin/python"],
    ]
    ours, pip, uv = time_alternately(commands, runs)
    what = "doctor, 300 distributions, a real torch"
    rows = [make_ratio_row(what, ours, "pip check", pip, 0.25), make_ratio_row(what, ours, "uv pip check", uv, None)]
    first, pip = time_alternately([commands[0], commands[1]], 5, variables={"HAC_CACHE": "off"})
    rows.append(make_ratio_row(f"{what}, first time", first, "pip check", pip, None))
    rows.append(make_peak_row(f"{what}: peak memory", [*_DOCTOR, prefix], 80.0))
    return rows


def _measure_deep(prefix: Path, folder: Path, runs: int = 5) -> list[Row]:
    """Hashing every file of torch, against coreutils doing the same from a list."""
    sums = folder / "sums"
    site = next(prefix.glob("lib/python*/site-packages"))
    record = parse_record(next(site.glob("torch-*.dist-info/RECORD")).read_bytes())
    sums.write_text("".join(f"{row.sha256}  {site}/{row.path}\n" for row in record.rows if row.sha256))
    ours, theirs = time_alternately([[*_DOCTOR, prefix, "--deep"], ["sha256sum", "--quiet", "-c", sums]], runs)
    return [
        make_ratio_row(f"doctor --deep, {os.cpu_count()} cores", ours, "sha256sum -c", theirs, 0.45),
        make_peak_row("doctor --deep: peak memory", [*_DOCTOR, prefix, "--deep"], 80.0),
    ]


def _measure_korean(prefix: Path, runs: int = 40) -> Row:
    """What another language costs: a catalog is opened, and the report's texts are looked up."""
    command: Command = [*_DOCTOR, prefix]
    korean, english = time_alternately([["env", "HAC_LANG=ko", *command], ["env", "HAC_LANG=en", *command]], runs)
    return make_difference_row("doctor in Korean", korean, "in English", english, 5.0, "ms", 1e3)


def measure_growth(workplace: Workplace, report: Report) -> None:
    """How the time of doctor grows with the number of distributions."""
    report.add_text(_measure_growth(workplace.folder))


def _measure_growth(folder: Path, counts: tuple[int, ...] = (50, 300, 1000, 2000), runs: int = 5) -> str:
    """How the time grows with the number of distributions, with and without the cache, as a table in seconds."""
    lines = [f"{'distributions':>14} {'doctor':>9} {'first time':>11} {'pip check':>10} {'uv pip check':>13}"]
    for count in counts:
        prefix = make_environment(folder / str(count), count)
        time.sleep(1.5)
        commands: list[Command] = [
            [*_DOCTOR, prefix],
            ["env", "HAC_CACHE=off", *_DOCTOR, prefix],
            [prefix / "bin/pip", "check"],
            [TOOLS / "uv", "pip", "check", "--python", prefix / "bin/python"],
        ]
        times = [statistics.median(found) for found in time_alternately(commands, runs)]
        lines.append(f"{count:>14} {times[0]:>8.3f}s {times[1]:>10.3f}s {times[2]:>9.3f}s {times[3]:>12.3f}s")
    return "\n".join(lines)


def _measure_phases(prefix: Path) -> str:
    """Where the time of one diagnosis goes: Python's start, imports, and the work."""
    imports = (
        "import envtool.cli.application, envtool.cli.commands.doctor, envtool.doctor.diagnose_environment,"
        " envtool.cli.render.text"
    )
    python = TOOLS / "python"
    commands: list[Command] = [
        [python, "-c", "pass"],
        [python, "-c", imports],
        ["env", "HAC_CACHE=off", *_DOCTOR, prefix],
    ]
    start, imported, diagnosed = (statistics.median(found) * 1e3 for found in time_alternately(commands, 15))
    return (
        f"where the time goes: Python's start {start:.0f} ms, imports {imported - start:.0f} ms,"
        f" reading and checking {diagnosed - imported:.0f} ms"
    )
