"""How often predictions are right: precision and recall of both stages, held to what real pip and uv do."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_KEPT = Path("docs/predictions.md")
_BAD = frozenset({"clobbered", "blocked"})
_VERDICTS = ("safe", "clobbered", "unknown")


@dataclass(frozen=True)
class Predictions:
    """The table as text, and whether the second stage was always right and the first never wrongly at ease."""

    text: str
    holds: bool


def measure(project: Path, folder: Path) -> Predictions:
    """Run the corpus, and keep the table in the repository."""
    report = folder / "corpus.xml"
    tests = ["-n", "auto", "-m", "exhaustive", "tests/corpus/test_truth.py", "-o", "junit_family=xunit1"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, f"--junitxml={report}"]
    subprocess.run(command, cwd=project, check=False, capture_output=True)
    counted: dict[str, Counter[tuple[str, str, str]]] = {"pip": Counter(), "uv": Counter()}
    for row in ElementTree.parse(report).getroot().iter("property"):
        name, value = row.get("name", ""), row.get("value", "")
        if name in counted:
            static, resolved, happened = value.split()
            counted[name][static, resolved, happened] += 1
    text, holds = _render(counted)
    (project / _KEPT).write_text(text)
    return Predictions(text, holds)


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
    def wrongly_at_ease(self) -> int:
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
        text += f" | {foretold} | {score.wrongly_at_ease} |\n"
        holds = holds and total >= 150 and score.precision == score.recall == 1.0 and not score.wrongly_at_ease
    said = {name: sum(_Score(rows).count(static=(name,)) for rows in counted.values()) for name in _VERDICTS}
    text += "\nWhat the first stage said: " + ", ".join(f"{name} {count}" for name, count in said.items()) + ".\n"
    return text, holds
