"""Every published form of the program's tables: with and without jobs, with one accelerator and with several."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envtool.driver.table import parse_table
from tests.support.driver_tables import FORMS, TOKEN, Accelerator, Form, RunningJob

every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
FLAVORS = ("2xLarge.1024GB", "Small.64GB", "xLarge.512GB", "1.5xLarge.768GB", "48xLarge.24576GB")


@every_form
@pytest.mark.parametrize("has_jobs", [False, True], ids=["idle", "jobs"])
@pytest.mark.parametrize("count", range(1, 6))
def test_a_published_form(form: Form, has_jobs: bool, count: int) -> None:
    devices = [Accelerator(number, FLAVORS[number]) for number in range(count)]
    active = count - 1
    jobs = [RunningJob(active, "976356", 1548305), RunningJob(0, "976357", 1548399)] if has_jobs else []
    text = form.render(devices, jobs, active)
    table = parse_table(text)
    assert table is not None
    assert table.version == form.release
    assert [(item.id, item.model) for item in table.devices] == [(f"{item.number}", item.flavor) for item in devices]
    expected = {f"{active}"} if form.marks_active else {item.id for item in table.devices}
    assert {item.id for item in table.active_devices} == expected
    assert [(job.device, job.id, job.pid) for job in table.jobs] == [(f"{job.device}", job.id, job.pid) for job in jobs]
    assert TOKEN not in repr(table)


@every_form
def test_what_is_in_use_is_kept_with_its_unit(form: Form) -> None:
    table = parse_table(form.render([Accelerator(0, "Small.64GB", "397 MiB", "7 %")]))
    assert table is not None
    assert table.devices[0].memory == "397 MiB"
    assert table.devices[0].utilization == ("7 %" if "Token" not in form.columns else "")


def test_the_platform_of_the_newest_is_no_release_of_the_framework() -> None:
    table = parse_table(FORMS["25.5"].render([Accelerator(0, "flavor-default-8", "43", "100")]))
    assert table is not None
    assert (table.platform, table.current, table.latest) == ("0.0.30", "25.5.3005", "25.5.3005")
    assert (table.devices[0].name, table.devices[0].is_active) == ("1700", True)


def test_one_that_marks_none_has_no_mark_to_ask_for() -> None:
    """The newest printed with one accelerator has none, and it is the one that programs get."""
    form = replace(FORMS["25.5"], marks_active=False)
    table = parse_table(form.render([Accelerator(0, "flavor-default-16")]))
    assert table is not None
    assert [item.id for item in table.active_devices] == ["0"]


def test_the_marked_one_may_have_no_model() -> None:
    text = FORMS["24.5"].render([Accelerator(0, "Small.64GB"), Accelerator(1, "-")], active=1)
    table = parse_table(text)
    assert table is not None
    assert [item.id for item in table.active_devices] == ["1"]


def test_an_empty_version_is_none() -> None:
    form = replace(FORMS["24.5"], heading=("Current Version:   Latest Version: 24.5.0",))
    table = parse_table(form.render([Accelerator(0, "Small.64GB")]))
    assert table is not None
    assert (table.current, table.latest) == (None, "24.5.0")


@pytest.mark.parametrize(
    "process",
    ["python -c 'print(1|2)'", "sh -c python train.py | tee log", "| python", "python a.py |", "a||b"],
    ids=["expression", "pipe", "first", "last", "double"],
)
def test_a_command_with_bars_is_one_command(process: str) -> None:
    job = RunningJob(0, "7", 4242, process)
    table = parse_table(FORMS["24.5"].render([Accelerator(0, "Small.64GB")], [job]))
    assert table is not None
    assert [(item.pid, item.process, item.memory) for item in table.jobs] == [(4242, process, "886 MiB")]


@pytest.mark.parametrize("pid", ["-", "", "N/A", "9" * 12, "٣", "-5"])
def test_a_job_without_a_number(pid: str) -> None:
    table = parse_table(FORMS["24.5"].render([Accelerator(0, "Small.64GB")], [RunningJob(0, "7", pid)]))
    assert table is not None
    assert [item.pid for item in table.jobs] == [None]


def test_the_short_table_of_switching_devices() -> None:
    form = replace(FORMS["24.5"], columns=("Device", "Name", "Model"), cells=lambda item, on: _short(item, on))
    text = form.render([Accelerator(number, FLAVORS[number]) for number in range(5)], active=3)
    table = parse_table("\n".join(line for line in text.splitlines() if "Version" not in line))
    assert table is not None
    assert (table.version, [item.id for item in table.active_devices]) == (None, ["3"])


def _short(device: Accelerator, is_active: bool) -> tuple[str, str, str]:
    return (f"* {device.number}" if is_active else f"{device.number}", "MoAI Accelerator", device.flavor)


@pytest.mark.parametrize(
    "text",
    ["", "no table", "| # | NAME |\n| 0 | 1 |", "Python Version: 3.8\nConda Version : 4", "+---+\n|   |\n+---+"],
    ids=["nothing", "words", "too few columns", "other versions", "an empty box"],
)
def test_what_is_no_table(text: str) -> None:
    assert parse_table(text) is None


def test_terminals_line_ends_change_nothing() -> None:
    text = FORMS["22.10"].render([Accelerator(0, "Small.64GB")], [RunningJob(0, "7", 42)])
    assert parse_table(text.replace("\n", "\r\n")) == parse_table(text)
