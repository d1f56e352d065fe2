"""What a scan finds in the corpus, where it cries wolf, and what a tree of 2,000 files takes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import TOOLS
from benchmarks.kept_pages import Say, fill_paragraph, write_page
from tests.scan.programs import collect, list_programs, scan_folder

if TYPE_CHECKING:
    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

_KEPT = Path("docs/scan-accuracy.md")
_FILES = 2000
# The least that must be found, by severity, and the most that 2,000 files may take.
_RECALL = {"error": 0.95, "warning": 0.85, "note": 0.85}
_SECONDS, _MEBIBYTES = 10.0, 200.0
# Runs a program and prints the seconds of processor time, and the most memory, of all that it started.
_MEASURE = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
)


@dataclass
class Score:
    """How many lines must be told of, by severity, how many were, and how many more."""

    asked: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)

    def recall(self, severity: str) -> float:
        """The part that was found."""
        return self.found[severity] / max(self.asked[severity], 1)


def measure(workplace: Workplace, report: Report) -> None:
    """Scan the corpus and a large tree, and keep the figures in the repository."""
    score = _score(workplace.folder / "corpus")
    seconds, mebibytes = _measure_tree(workplace.folder / "tree")
    text = write_page(workplace.project / _KEPT, lambda say: render(score, seconds, mebibytes, say))
    is_right = all(score.recall(severity) >= least for severity, least in _RECALL.items())
    is_quiet = not score.alarms["error"] and not score.alarms["warning"]
    # Processor time is shared by two cores where nothing else runs.
    is_quick = seconds / 2 <= _SECONDS and mebibytes <= _MEBIBYTES
    problem = None if is_right and is_quiet and is_quick else f"a scan was wrong, or took too much: see {_KEPT}"
    report.add_text(text, problem=problem)


def _score(folder: Path) -> Score:
    score = Score()
    for program in list_programs():
        place = folder / program.name
        program.write(place)
        said = collect(scan_folder(place), place)
        for (*_, severity), count in program.expected.items():
            score.asked[severity] += count
        for (*_, severity), count in (program.expected & said).items():
            score.found[severity] += count
        for (*_, severity), count in (said - program.expected).items():
            score.alarms[severity] += count
    return score


def _measure_tree(folder: Path) -> tuple[float, float]:
    """The seconds of processor time for a tree of 2,000 files, and the most mebibytes of one of its processes."""
    programs = list_programs()
    written = 0
    while written < _FILES:
        program = programs[written % len(programs)]
        place = folder / f"{written:04}"
        for name, text in list(program.files.items())[: _FILES - written]:
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # Real files are longer than those of the corpus.
            path.write_text(text * (1 if path.suffix in {".json", ".ipynb", ".yaml", ".yml"} else 6))
            written += 1
    command: list[str | Path] = [sys.executable, "-c", _MEASURE, TOOLS / "envtool", "scan", folder, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, kibibytes = done.stdout.split()
    return float(seconds), float(kibibytes) / 1024


_ABOUT = (
    "Written by `make bench`, from the programs in `tests/scan/corpus`: each line says what must be said of it. They "
    "are ours, of the form of public ones; a line counts once for each kind of finding."
)
_ABOUT_TREE = (
    "A tree of {files} files takes {seconds} s of processor time, which two cores share, and its largest process "
    "{mebibytes} MiB. The limits are {most_seconds} s on two cores, and {most_mebibytes} MiB."
)


def render(score: Score, seconds: float, mebibytes: float, say: Say) -> str:
    """The page of what was found by severity, and of what a large tree took."""
    lines = [say("# How far a scan can be trusted"), "", fill_paragraph(say(_ABOUT)), ""]
    lines += [say("| severity | lines | found | recall | false alarms |"), "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {say(severity)} | {score.asked[severity]} | {score.found[severity]} | {score.recall(severity):.3f} "
        f"| {score.alarms[severity]} |"
        for severity in _RECALL
    ]
    limits = {"most_seconds": f"{_SECONDS:.0f}", "most_mebibytes": f"{_MEBIBYTES:.0f}"}
    figures = {"files": f"{_FILES:,}", "seconds": f"{seconds:.1f}", "mebibytes": f"{mebibytes:.0f}"}
    lines += ["", fill_paragraph(say(_ABOUT_TREE, **figures, **limits))]
    return "\n".join([*lines, ""])
