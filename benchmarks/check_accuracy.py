"""How often predictions are right: precision and recall of both stages, held to what real pip and uv do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.recorded_tests import run_tests

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace

_KEPT = Path("docs/check-accuracy.md")
_BAD = frozenset({"clobbered", "blocked"})
_VERDICTS = ("safe", "clobbered", "unknown")


def measure(workplace: Workplace, report: Report) -> None:
    """Run the corpus, and keep the table in the repository."""
    tests = ["-m", "exhaustive", "tests/corpus/test_truth.py", "-o", "junit_family=xunit1"]
    counted: dict[str, Counter[tuple[str, str, str]]] = {"pip": Counter(), "uv": Counter()}
    for row in run_tests(workplace.project, workplace.folder / "corpus.xml", *tests).iter("property"):
        name, value = row.get("name", ""), row.get("value", "")
        if name in counted:
            static, resolved, happened = value.split()
            counted[name][static, resolved, happened] += 1
    text, holds = _render(counted)
    (workplace.project / _KEPT).write_text(text)
    report.add_text(text, problem=None if holds else f"a prediction was wrong: see {_KEPT}")


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


_HEAD = """# How often predictions are right

Written by `make bench`: real pip and real uv install each set of `tests/corpus` into a real environment, and what
becomes of torch is what the predictions are held to. The index is frozen from PyPI: real names, versions and
requirements, in wheels without code. The second stage resolves; the first reads the lines alone, and may say that it
cannot tell.

| installer | sets | clobbered | precision | recall | failed installs foretold | first stage: safe, wrongly |
|---|---|---|---|---|---|---|
"""


def _render(counted: dict[str, Counter[tuple[str, str, str]]]) -> tuple[str, bool]:
    text, holds = _HEAD, True
    for installer, rows in counted.items():
        score = _Score(rows)
        total, clobbered = score.count(), score.count(happened=("clobbered",))
        foretold = f"{score.count(resolved=('fails',), happened=('failed',))} of {score.count(happened=('failed',))}"
        text += f"| {installer} | {total} | {clobbered} | {score.precision:.3f} | {score.recall:.3f}"
        text += f" | {foretold} | {score.falsely_safe} |\n"
        holds = holds and total >= 150 and score.precision == score.recall == 1.0 and not score.falsely_safe
    said = {name: sum(_Score(rows).count(static=(name,)) for rows in counted.values()) for name in _VERDICTS}
    text += "\nWhat the first stage said: " + ", ".join(f"{name} {count}" for name, count in said.items()) + ".\n"
    return text, holds
