"""How often predictions are right: precision and recall of both stages, held to what real pip and uv do."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.kept_pages import Say, fill_paragraph, speak, write_page
from benchmarks.recorded_tests import run_tests
from envtool.language import ENGLISH

if TYPE_CHECKING:
    import xml.etree.ElementTree as ElementTree
    from collections.abc import Collection

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

_KEPT = Path("docs/check-accuracy.md")
_BAD = frozenset({"clobbered", "blocked"})
_VERDICTS = ("safe", "clobbered", "unknown")
# What the second part is made of, and the module of its tests.
_KINDS = {
    "dependency files, by pip and by uv": "test_files",
    "projects, by pip and by uv": "test_projects_truth",
    "Dockerfiles, in a shell": "test_dockerfiles",
}
_LEAST_SHARE = 0.95


def measure(workplace: Workplace, report: Report) -> None:
    """Run the corpus, and keep the tables in the repository."""
    modules = ["test_truth", *_KINDS.values(), "test_fixes"]
    tests = [f"tests/corpus/{name}.py" for name in modules]
    arguments = ["-m", "exhaustive", *tests, "-o", "junit_family=xunit1"]
    found = run_tests(workplace.project, workplace.folder / "corpus.xml", *arguments)
    rows = {name: _read_properties(found, name) for name in modules}
    text = write_page(workplace.project / _KEPT, lambda say: render(rows, say)[0])
    is_well = render(rows, speak(ENGLISH))[1]
    report.add_text(text, problem=None if is_well else f"a prediction was wrong: see {_KEPT}")


def render(rows: dict[str, list[tuple[str, str]]], say: Say) -> tuple[str, bool]:
    """The page of what the tests of each module recorded, and whether every prediction was right."""
    sets, is_first_well = _render_sets(rows["test_truth"], say)
    files, is_second_well = _render_files({kind: rows[module] for kind, module in _KINDS.items()}, say)
    fixes, is_third_well = _render_fixes(rows["test_fixes"], say)
    return sets + files + fixes, is_first_well and is_second_well and is_third_well


def _read_properties(report: ElementTree.Element, module: str) -> list[tuple[str, str]]:
    """Name and value of what the tests of a module recorded."""
    return [
        (row.get("name", ""), row.get("value", ""))
        for case in report.iter("testcase")
        if case.get("classname", "").rpartition(".")[2] == module
        for row in case.iter("property")
    ]


@dataclass(frozen=True)
class _Score:
    """What came of the sets for one installer; an outcome is (first stage, second stage, what happened)."""

    rows: Counter[tuple[str, str, str]]

    def count(self, **wanted: Collection[str]) -> int:
        names = ("static", "resolved", "happened")
        return sum(
            count
            for outcome, count in self.rows.items()
            if all(value in wanted.get(name, (value,)) for name, value in zip(names, outcome, strict=True))
        )

    @property
    def precision(self) -> float:
        return self.count(resolved=_BAD, happened=("clobbered",)) / max(self.count(resolved=_BAD), 1)

    @property
    def recall(self) -> float:
        return self.count(resolved=_BAD, happened=("clobbered",)) / max(self.count(happened=("clobbered",)), 1)

    @property
    def falsely_safe(self) -> int:
        return self.count(static=("safe",), happened=("clobbered",))


_ABOUT_SETS = (
    "Written by `make bench`: real pip and real uv install each set of `tests/corpus` into a real environment, and "
    "what becomes of torch is what the predictions are held to. The index is frozen from PyPI: real names, versions "
    "and requirements, in wheels without code. The second stage resolves; the first reads the lines alone, and may "
    "say that it cannot tell."
)
_SETS = "| installer | sets | clobbered | precision | recall | failed installs foretold | first stage: safe, wrongly |"


def _render_sets(rows: list[tuple[str, str]], say: Say) -> tuple[str, bool]:
    counted: dict[str, Counter[tuple[str, str, str]]] = {"pip": Counter(), "uv": Counter()}
    for name, value in rows:
        if name in counted:
            static, resolved, happened = value.split()
            counted[name][static, resolved, happened] += 1
    head = [say("# How often predictions are right"), fill_paragraph(say(_ABOUT_SETS)), say(_SETS)]
    text, holds = "\n\n".join(head) + "\n|---|---|---|---|---|---|---|\n", True
    for installer, outcomes in counted.items():
        score = _Score(outcomes)
        total, clobbered = score.count(), score.count(happened=("clobbered",))
        told, failed = score.count(resolved=("fails",), happened=("failed",)), score.count(happened=("failed",))
        foretold = say("{foretold} of {failed}", foretold=told, failed=failed)
        text += f"| {installer} | {total} | {clobbered} | {score.precision:.3f} | {score.recall:.3f}"
        text += f" | {foretold} | {score.falsely_safe} |\n"
        holds = holds and total >= 150 and score.precision == score.recall == 1.0 and not score.falsely_safe
    said = {name: sum(_Score(rows).count(static=(name,)) for rows in counted.values()) for name in _VERDICTS}
    counts = ", ".join(f"{name} {count}" for name, count in said.items())
    text += "\n" + say("What the first stage said: {said}.", said=counts) + "\n"
    return text, holds


_ABOUT_FILES = (
    "Dependency files of nine kinds, projects that only their build back end can describe, and Dockerfiles whose "
    "instructions a real shell runs. A run has a verdict where none of its answers is `unknown`; some cases are such "
    "that nobody could tell. Precision and recall are of the runs that have one; `safe, wrongly` is of all. Seconds "
    "are a whole `envtool check` of one file, both installers, on whatever machine ran this, with everything else it "
    "did meanwhile."
)
_FILES = "| kind | runs | with a verdict | clobbered | precision | recall | safe, wrongly | median seconds |"


@dataclass(frozen=True)
class _Runs:
    """Outcomes, each the verdicts of one run and what happened; and how long the checks took, in seconds."""

    outcomes: tuple[tuple[frozenset[str], str], ...]
    seconds: tuple[float, ...]

    @property
    def judged(self) -> list[tuple[bool, bool]]:
        """Of those with a verdict: whether a clobber was foretold, and whether there was one."""
        return [("clobbered" in said, it == "clobbered") for said, it in self.outcomes if "unknown" not in said]

    @property
    def share(self) -> float:
        return len(self.judged) / max(len(self.outcomes), 1)

    @property
    def precision(self) -> float:
        foretold = [happened for said, happened in self.judged if said]
        return sum(foretold) / max(len(foretold), 1)

    @property
    def recall(self) -> float:
        happened = [said for said, happened in self.judged if happened]
        return sum(happened) / max(len(happened), 1)

    @property
    def falsely_safe(self) -> int:
        return sum(said == {"safe"} and happened == "clobbered" for said, happened in self.outcomes)

    @property
    def is_right(self) -> bool:
        return bool(self.outcomes) and self.precision == self.recall == 1.0 and not self.falsely_safe

    def render(self, name: str) -> str:
        clobbered = sum(happened == "clobbered" for _said, happened in self.outcomes)
        median = statistics.median(self.seconds or (0.0,))
        row = (len(self.outcomes), f"{self.share:.3f}", clobbered, f"{self.precision:.3f}", f"{self.recall:.3f}")
        return "| " + " | ".join(map(str, (name, *row, self.falsely_safe, f"{median:.2f}"))) + " |\n"


def _read_runs(rows: list[tuple[str, str]]) -> _Runs:
    outcomes = [value.rpartition(" ")[::2] for name, value in rows if name in {"pip", "uv", "dockerfile"}]
    said = tuple((frozenset(filter(None, verdicts.split(","))), happened) for verdicts, happened in outcomes)
    return _Runs(said, tuple(float(value) for name, value in rows if name == "seconds"))


def _render_files(kinds: dict[str, list[tuple[str, str]]], say: Say) -> tuple[str, bool]:
    found = {kind: _read_runs(rows) for kind, rows in kinds.items()}
    everything = _Runs(
        tuple(outcome for runs in found.values() for outcome in runs.outcomes),
        tuple(seconds for runs in found.values() for seconds in runs.seconds),
    )
    head = [say("## Files in the shapes that people give them"), fill_paragraph(say(_ABOUT_FILES)), say(_FILES)]
    text = "\n" + "\n\n".join(head) + "\n|---|---|---|---|---|---|---|---|\n"
    text += "".join(runs.render(say(kind)) for kind, runs in found.items()) + everything.render(say("together"))
    return text, everything.share >= _LEAST_SHARE and all(runs.is_right for runs in found.values())


_ABOUT_FIXES = (
    "Of the dependency files that would change torch, {written} have a fix; pip and uv both install {installs} of "
    "these, read as their kinds' documentation says, and torch stays. {none} are said to have none. Lines that a fix "
    "changes without need, so that both installers keep torch with the line as it was as well: {needless}."
)


def _render_fixes(rows: list[tuple[str, str]], say: Say) -> tuple[str, bool]:
    """What became of `--write-fixed` on the dependency files among them."""
    fixes = Counter(value for name, value in rows if name == "fix")
    written = fixes["installs"] + fixes["fails"]
    needless = sum(int(value) for name, value in rows if name == "needless")
    counts = {"written": written, "installs": fixes["installs"], "none": fixes["none"], "needless": needless}
    text = "\n" + fill_paragraph(say(_ABOUT_FIXES, **counts)) + "\n"
    return text, written > 0 and not fixes["fails"] and not needless
