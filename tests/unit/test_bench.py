"""`make bench`: which rows it measures, and what it does where a command of it fails."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import main
from benchmarks.commands import run_command
from benchmarks.groups import GROUPS, Group
from benchmarks.timing import Row, make_peak_row, time_alternately
from envtool.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace


def measure_well(_workplace: Workplace, report: Report) -> None:
    report.add([Row("reading", 1.0, "a peer", 2.0, 0.5, "x", 0.6)])


def measure_too_much(_workplace: Workplace, report: Report) -> None:
    report.add([Row("writing", 3.0, "a peer", 2.0, 1.5, "x", 0.6)])


def measure_what_fails(_workplace: Workplace, report: Report) -> None:
    with report.attempt("the first row"):
        time_alternately([[sys.executable, "-c", "print('the disk is full'); raise SystemExit(3)"]], 1)
    with report.attempt("the second row"):
        report.add([Row("the rest of it", 1.0, "a peer", 2.0, 0.5, "x", 0.6)])


def group(name: str, measure: object, gigabytes: float = 0.0) -> Group:
    return Group(name=name, title=f"about {name}", gigabytes=gigabytes, measure=measure)  # type: ignore[arg-type]


GOOD, OVER, FAILING = (
    group("good", measure_well),
    group("over", measure_too_much),
    group("failing", measure_what_fails),
)


def test_all_groups_are_measured_without_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], [GOOD, group("other", measure_well)], tmp_path) == 0
    assert capsys.readouterr().out.count("reading") == 2


@pytest.mark.parametrize("arguments", [["good,third"], ["good", "third"], ["third, good"]], ids=repr)
def test_only_named_groups_are_measured(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments, [GOOD, OVER, group("third", measure_well)], tmp_path) == 0
    printed = capsys.readouterr().out
    assert printed.count("reading") == 2
    assert "writing" not in printed


def test_unknown_group_lists_the_groups_and_measures_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["good,nonsense"], [GOOD, OVER], tmp_path / "bench") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "no group of rows is called nonsense" in said.err
    assert "about good" in said.err
    assert "about over" in said.err
    assert not (tmp_path / "bench").exists()


def test_help_lists_the_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [each.name for each in GROUPS]
    assert all(each.gigabytes > 0 for each in GROUPS)


def test_row_over_its_limit_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], [OVER, GOOD], tmp_path) == 1
    assert "over the limit: writing, against a peer" in capsys.readouterr().out


def test_failing_command_is_shown_and_the_other_rows_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], [FAILING, GOOD], tmp_path) == 1
    said = capsys.readouterr()
    assert "the disk is full" in said.err
    assert "exit status 3" in said.err
    assert "Traceback" not in said.err
    assert "failed: the first row" in said.out
    assert "the rest of it" in said.out
    assert "reading" in said.out


def test_program_that_is_not_there_is_a_failed_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_workplace: Workplace, _report: Report) -> None:
        run_command([tmp_path / "missing"])

    assert main([], [group("missing", measure)], tmp_path) == 1
    assert "missing\ncannot be run: No such file or directory" in capsys.readouterr().err


def test_error_of_envtool_is_shown_with_its_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_workplace: Workplace, _report: Report) -> None:
        raise StoreError("no such wheel", remedy="envtool build --demo")

    assert main([], [group("error", measure)], tmp_path) == 1
    said = capsys.readouterr().err
    assert "envtool build --demo" in said
    assert "Traceback" not in said


def test_mistake_in_a_benchmark_is_shown_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_workplace: Workplace, _report: Report) -> None:
        [].pop()

    assert main([], [group("mistaken", measure), GOOD], tmp_path) == 1
    said = capsys.readouterr()
    assert "test_bench.py" in said.err
    assert "reading" in said.out


def test_too_little_space_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], [GOOD, group("huge", measure_well, gigabytes=1e6)], tmp_path) == 1
    said = capsys.readouterr()
    assert "needs 1000000.0 GB" in said.err
    assert "not enough" in said.err
    assert said.out == ""


def test_nothing_is_left_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def measure(workplace: Workplace, _report: Report) -> None:
        (workplace.folder / "large").write_bytes(bytes(1000))
        raise StoreError("stop")

    assert main([], [group("writing", measure)], tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_peak_of_a_command_that_fails_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no memory for you"):
        make_peak_row("peak", [sys.executable, "-c", "raise SystemExit('no memory for you')"], 1.0)
