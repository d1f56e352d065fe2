"""The log of looks, and what it sums up to."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from envtool.cli.application import app
from envtool.driver.inspect_jobs import JobsRequest
from envtool.driver.usage import LogReader, UsageTally, format_look, parse_look, read_prices
from envtool.driver.watch import WatchedLook, WatchRequest, watch_jobs
from envtool.errors import DriverError
from tests.support.driver_programs import DriverPrograms, training
from tests.support.driver_tables import FORMS, TOKEN, Accelerator, RunningJob

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/jobs.schema.json").read_text())
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SEOUL = timezone(timedelta(hours=9))


def line(seconds: float, *states: str, flavor: str = "Small.64GB", begin: datetime = NOON, interval: float = 60) -> str:
    """A look so many seconds after the first; the states are of jobs on one accelerator."""
    jobs = [{"id": str(number), "pid": 1, "state": state} for number, state in enumerate(states)]
    return format_look(begin + timedelta(seconds=seconds), interval, [{"id": "0", "flavor": flavor, "jobs": jobs}])


def failed(seconds: float) -> str:
    return format_look(NOON + timedelta(seconds=seconds), 60, None, "no answer within 10 seconds")


def tally(*lines: str) -> UsageTally:
    made = UsageTally()
    for text in lines:
        made.add(parse_look(text.encode()))
    return made


def minutes(*lines: str) -> list[tuple[str, str, float, float]]:
    return [(row.day, row.flavor, row.minutes, row.idle) for row in tally(*lines).list_rows()]


def test_a_look_stands_for_the_time_until_the_next() -> None:
    looks = [line(60 * number, "working") for number in range(11)]
    assert minutes(*looks, line(660)) == [("2026-03-04", "Small.64GB", 11.0, 0.0)]
    assert minutes(line(0, "working")) == []


def test_time_without_work_is_a_part_of_it() -> None:
    looks = [line(0, "working"), line(60, "stopped"), line(120, "gone", "workers-left"), line(180, "gone", "working")]
    assert minutes(*looks, line(240, "unknown"), line(300)) == [("2026-03-04", "Small.64GB", 5.0, 2.0)]


def test_what_was_not_watched_does_not_count() -> None:
    assert minutes(line(0, "working"), line(3600, "working"), line(3660)) == [("2026-03-04", "Small.64GB", 1.0, 0.0)]


def test_what_follows_a_look_that_failed_does_not_count() -> None:
    sums = tally(line(0, "working"), failed(60), line(120, "working"), line(180))
    assert [row.minutes for row in sums.list_rows()] == [2.0]
    assert (sums.looks, sums.failures) == (4, 1)


def test_a_flavour_that_changes_and_several_accelerators() -> None:
    both = format_look(
        NOON,
        60,
        [
            {"id": str(number), "flavor": name, "jobs": [{"id": "1", "pid": 2, "state": "working"}]}
            for number, name in enumerate(("Small.64GB", "Large.256GB"))
        ],
    )
    looks = [both, line(60, "working", flavor="xLarge.512GB"), line(120)]
    assert [row[1:3] for row in minutes(*looks)] == [("Large.256GB", 1.0), ("Small.64GB", 1.0), ("xLarge.512GB", 1.0)]


def test_midnight_is_that_of_the_machine() -> None:
    begin = datetime(2026, 3, 4, 23, 59, 30, tzinfo=SEOUL)
    assert minutes(line(0, "working", begin=begin), line(60, begin=begin)) == [
        ("2026-03-04", "Small.64GB", 0.5, 0.0),
        ("2026-03-05", "Small.64GB", 0.5, 0.0),
    ]


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    assert minutes(line(0, "working"), line(-600, "working"), line(-540)) == [("2026-03-04", "Small.64GB", 1.0, 0.0)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "[" * 100_000,
        '{"schema": "hac-envtool/jobs-log/1"}',
        line(0, "working").replace("+00:00", ""),
        line(0, "working").replace("2026-", "20260-"),
        line(0, "working").replace('"interval": 60', '"interval": 1e400'),
        line(0, "working").replace('"interval": 60', '"interval": 0'),
        line(0, "working").replace('"jobs": [', '"jobs": [3, '),
        line(0, "working").replace("jobs-log/1", "jobs-log/9"),
    ],
)
def test_a_line_that_is_none_is_counted(text: str) -> None:
    sums = tally(text)
    assert (sums.looks, sums.unreadable) == (0, 1)


def test_a_log_that_grows_is_read_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    reader = LogReader(log)
    log.write_bytes(b"a\nbc\nhal")
    assert list(reader.read_new()) == [b"a", b"bc"]
    with log.open("ab") as file:
        file.write(b"f\nlast\n")
    assert list(reader.read_new()) == [b"half", b"last"]
    assert list(reader.read_new()) == []
    # A line that is too long for one is skipped.
    with log.open("ab") as file:
        file.write(b"x" * (3 << 20) + b"\nend\n")
    assert list(reader.read_new())[-1] == b"end"
    assert list(reader.read_new()) == []
    # It was put away, and begun anew.
    log.rename(tmp_path / "log.1")
    log.write_bytes(b"new\n")
    assert list(reader.read_new()) == [b"new"]
    log.write_bytes(b"")
    assert list(reader.read_new()) == []
    log.write_bytes(b"n\n")
    assert list(reader.read_new()) == [b"n"]


PRICES = 'currency = "KRW"\nper = "hour"\n[prices]\n"small.64gb" = 600\n'


def test_prices_are_the_persons_own(tmp_path: Path) -> None:
    log, prices = tmp_path / "log.jsonl", tmp_path / "prices.toml"
    looks = [line(0, "working"), line(60, "stopped"), line(120, "working", flavor="Large.256GB"), line(180)]
    log.write_text("\n".join(looks) + "\n")
    prices.write_text(PRICES)
    usage = ["jobs", "--usage", "--log", str(log)]
    result = CliRunner().invoke(app, [*usage, "--prices", str(prices)])
    assert result.exit_code == 0
    rows = [row.split() for row in result.output.splitlines()]
    assert ["2026-03-04", "Small.64GB", "2.0", "1.0", "20.00"] in rows
    assert ["2026-03-04", "Large.256GB", "1.0", "0.0", "-"] in rows
    assert "no price for Large.256GB" in result.output
    assert "estimate" in result.output
    document = json.loads(CliRunner().invoke(app, [*usage, "--prices", str(prices), "--format", "json"]).output)
    jsonschema.validate(document, SCHEMA)
    assert [row["cost"] for row in document["usage"]] == [None, 20.0]
    text = CliRunner().invoke(app, [*usage, "--format", "prometheus"]).output
    (family,) = text_string_to_metric_families(text)
    assert {sample.labels["flavor"]: sample.value for sample in family.samples} == {
        "Large.256GB": 60,
        "Small.64GB": 120,
    }


@pytest.mark.parametrize(
    "text",
    [
        "prices = 3",
        "[prices]\nx = true",
        "[prices]\nx = -1",
        "[prices]\nx = nan",
        '[prices]\nx = "3"',
        'per = "day"\n[prices]\nx = 1',
        "per = []\n[prices]\nx = 1",
        "[",
    ],
)
def test_prices_that_are_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(DriverError):
        read_prices(file)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_a_log_that_cannot_be_read(tmp_path: Path, kind: str) -> None:
    log = tmp_path / "log"
    if kind == "folder":
        log.mkdir()
    elif kind == "pipe":
        os.mkfifo(log)
    result = CliRunner().invoke(app, ["jobs", "--usage", "--log", str(log)])
    assert isinstance(result.exception, DriverError)


@pytest.mark.parametrize(
    "options",
    [
        ["--usage"],
        ["--log", "x"],
        ["--prices", "x"],
        ["--watch", "--usage", "--log", "x"],
        ["--watch", "--prices", "x"],
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_together(options: list[str]) -> None:
    assert CliRunner().invoke(app, ["jobs", *options]).exit_code == 2


def test_a_look_that_fails_does_not_end_the_watch(programs: DriverPrograms, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    # What was there before counts, and what a kill has left half written is no part of the next line.
    old = datetime.now(UTC) - timedelta(days=2)
    log.write_text(line(0, "working", begin=old) + "\n" + line(60, begin=old) + '\n{"schema": "hac')
    with training(tmp_path) as started:
        programs.show(FORMS["22.8"].render([Accelerator(0, "Small.64GB")], [RunningJob(0, "1", started.pid, "python")]))
        # The second time it fails, and says the token.
        count = programs.folder / "count"
        programs.install(
            "moreh-smi",
            f"#!/bin/sh\n# A stand-in for moreh-smi.\necho x >>'{count}'\n"
            f"if [ $(wc -l <'{count}') = 2 ]; then echo 'lost: {TOKEN}' >&2; exit 5; fi\n"
            f"cat '{programs.folder}/table'\n",
        )
        looks: list[tuple[str, float]] = []

        def show(look: WatchedLook) -> None:
            looks.append((look.problem, sum(row.minutes for row in look.tally.list_rows())))
            assert not look.log_problem

        jobs = JobsRequest(time_limit=120)
        watch_jobs(WatchRequest(jobs=jobs, interval=0.1, count=3, log=log), show)
    assert [bool(problem) for problem, _minutes in looks] == [False, True, False]
    assert looks[0][1] == 1.0
    rows = [json.loads(text) for text in log.read_text().splitlines() if text != '{"schema": "hac']
    assert ["error" in row for row in rows] == [False, False, False, True, False]
    assert rows[2]["devices"][0]["jobs"][0]["pid"] == started.pid
    assert TOKEN not in log.read_text()


def test_a_watch_is_shown_line_by_line(programs: DriverPrograms, tmp_path: Path) -> None:
    programs.show(FORMS["24.5"].render([Accelerator(0, "Small.64GB")]))
    log, file = tmp_path / "log.jsonl", tmp_path / "jobs.prom"
    watch = ["jobs", "--watch", "--count", "2", "--interval", "0.1"]
    result = CliRunner().invoke(app, [*watch, "--log", str(log)])
    assert result.exit_code == 0
    assert result.output.count("no job holds an accelerator") == 2
    assert len(log.read_text().splitlines()) == 2
    lines = CliRunner().invoke(app, [*watch, "--format", "json"]).output.splitlines()
    assert [json.loads(text)["status"] for text in lines] == ["free", "free"]
    CliRunner().invoke(app, [*watch, "--format", "prometheus", "--output", str(file)])
    assert "hac_accelerator_held" in file.read_text()


def test_a_log_that_cannot_be_written_is_said_at_once(programs: DriverPrograms, tmp_path: Path) -> None:
    programs.show(FORMS["24.5"].render([Accelerator(0, "Small.64GB")]))
    result = CliRunner().invoke(app, ["jobs", "--watch", "--count", "1", "--log", str(tmp_path / "none/log")])
    assert isinstance(result.exception, DriverError)


def test_a_watch_without_a_driver_does_not_begin(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="no moreh-smi"):
        watch_jobs(WatchRequest(jobs=JobsRequest(variables={"PATH": str(tmp_path)}), count=1), lambda _look: None)
