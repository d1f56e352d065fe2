"""Case 12: the driver's side, told by programs that stand in for `moreh-smi` and `ap-smi` and print what they print."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from envtool.demo.vendor_release import make_moreh_smi
from envtool.doctor.checks import driver
from envtool.driver.ask import DriverQuery, QueryResult, start_query
from envtool.driver.table import parse_table
from envtool.environment.effective_pin import find_effective_pin
from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from tests.support.driver_tables import FORMS, Accelerator
from tests.support.environment import RealEnvironment
from tests.support.verdict import Verdict

TOKEN = "ZXhhbXBsZSB0b2tlbiBzdHI="
OLD = (
    """
+--------------------------------------------------------------------------------------------------------------+
|  Moreh-SMI {client}                                          Client Version: {client}  Server Version: {server}  |
+--------------------------------------------------------------------------------------------------------------+
|  Device  |        Name         |            Token           |     Model    |  Memory Usage  |  Total Memory  |
+==============================================================================================================+
|       1  |  KT AI Accelerator  |  """
    + TOKEN
    + """  |  {model}  |  -             |  -             |
+--------------------------------------------------------------------------------------------------------------+

Processes:
+----------------------------------------------------------+
|  Device  |  Job ID  |  PID  |  Process  |  Memory Usage  |
+==========================================================+
{jobs}+----------------------------------------------------------+
"""
)
NEW = """11:40:36 November 23, 2026
+-----------------------------------------------------------------------------------------------------+
|                                                  Current Version: {current}  Latest Version: {latest}  |
+-----------------------------------------------------------------------------------------------------+
|  Device  |        Name         |      Model       |  Memory Usage  |  Total Memory  |  Utilization  |
+=====================================================================================================+
|  * 0     |  MoAI Accelerator   |  4xLarge.2048GB  |  -             |  -             |  -            |
|    1     |  MoAI Accelerator   |  -               |  -             |  -             |  -            |
+-----------------------------------------------------------------------------------------------------+
"""


def install_program(environment: RealEnvironment, text: str, name: str = "moreh-smi") -> None:
    """Put a program on PATH that runs the shell commands `text`."""
    folder = environment.path.parent / "driver"
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(text)
    program.chmod(0o755)
    environment.variables["PATH"] = f"{folder}:{os.environ['PATH']}"


def printing(environment: RealEnvironment, table: str, name: str = "moreh-smi") -> None:
    install_program(environment, f"#!/bin/sh\ncat <<'TABLE'\n{table}\nTABLE\n", name)


def old(client: str = "22.8.0", server: str = "22.8.0", model: str = "Small.64GB", jobs: str = "") -> str:
    return OLD.format(client=client, server=server, model=model, jobs=jobs)


def gone_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_versions_differ(environment: RealEnvironment, verdict: Verdict) -> None:
    printing(environment, old(server="22.9.0"))
    verdict.finds(environment, "driver-versions-differ", cause="was updated")


@pytest.mark.parametrize("name", ["moreh-smi", "ap-smi"])
def test_torch_of_another_release(environment: RealEnvironment, verdict: Verdict, name: str) -> None:
    printing(environment, NEW.format(current="24.5.0", latest="24.5.0"), name)
    finding = verdict.finds(environment, "driver-torch-mismatch", cause="updated without the other")
    assert finding["remedy"] == "update-moreh --target 24.5.0"


def test_no_accelerator(environment: RealEnvironment, verdict: Verdict) -> None:
    printing(environment, old(model="-"))
    verdict.finds(environment, "no-accelerator", cause="no accelerator is assigned")


def test_stale_jobs(environment: RealEnvironment, verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = gone_process()
    job = "|       1  |  {}  |  {}  |  python train.py  |  886 MiB  |\n"
    table = parse_table(old(jobs=job.format(901, pid) + job.format(902, os.getpid())))
    seen = read_environment(read_prefix(environment.path))
    reading = QueryResult(program="moreh-smi", table=table)
    # These tests may themselves be in a container, where the check keeps silent.
    monkeypatch.setattr(driver, "CONTAINER_MARKS", ())
    findings = list(driver.check(seen, find_effective_pin(seen), reading, is_asked=False))
    verdict.record("found", [item.id for item in findings] == ["orphaned-jobs"])
    assert [item.id for item in findings] == ["orphaned-jobs"]
    assert [item.expected for item in findings[0].evidence] == [f"process {pid}"]
    monkeypatch.setattr(driver, "CONTAINER_MARKS", ("/proc",))
    assert list(driver.check(seen, find_effective_pin(seen), reading, is_asked=False)) == []


def test_it_fails_hangs_or_babbles(environment: RealEnvironment, verdict: Verdict) -> None:
    install_program(environment, f"#!/bin/sh\necho 'cannot reach the server with token {TOKEN}' >&2\nexit 3\n")
    finding = verdict.finds(environment, "driver-failed", cause="does not work")
    assert "exit status 3: cannot reach the server with token ****" in finding["evidence"][0]["found"]
    printing(environment, "nothing that is a table")
    assert "no table" in verdict.finds(environment, "driver-failed")["evidence"][0]["found"]


def test_it_hangs_and_what_it_started_ends_with_it(environment: RealEnvironment, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    install_program(environment, f"#!/bin/sh\nsleep 600 &\necho $! >{pid}\nwait\n")
    question = start_query(environment.variables)
    assert isinstance(question, DriverQuery)
    reading = question.read_result(3)
    assert (reading.timed_out, reading.problem) == (True, "no answer within 3 seconds")
    seen = read_environment(read_prefix(environment.path))
    findings = list(driver.check(seen, find_effective_pin(seen), reading, is_asked=False))
    assert [(item.id, item.cause) for item in findings] == [
        ("driver-failed", "the driver waits for a server that does not answer")
    ]
    status = Path(f"/proc/{pid.read_text().strip()}/status")
    deadline = time.monotonic() + 10
    while status.exists() and "zombie" not in status.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not status.exists() or "zombie" in status.read_text()


def test_no_driver_where_one_is_asked_for(environment: RealEnvironment, verdict: Verdict) -> None:
    verdict.finds(environment, "driver-missing", "--driver", cause="not on PATH")
    assert "driver-missing" not in environment.finding_ids("--no-driver")


def test_a_newer_release_is_a_note(environment: RealEnvironment) -> None:
    printing(environment, NEW.format(current="22.8.0", latest="22.12.0"))
    document = environment.doctor()
    assert [item["id"] for item in document["findings"]] == ["driver-update-available"]
    assert document["status"] == "healthy"
    assert environment.doctor("--strict")["status"] == "degraded"


def test_the_marked_accelerator_has_no_model(environment: RealEnvironment) -> None:
    """That others have one is no help: a program gets the marked one."""
    devices = [Accelerator(0, "Small.64GB"), Accelerator(1, "-")]
    printing(environment, FORMS["24.5"].render(devices, active=1))
    assert "no-accelerator" in environment.finding_ids()


def test_the_newest_form(environment: RealEnvironment) -> None:
    printing(environment, FORMS["25.5"].render([Accelerator(0, "flavor-default-8", "43", "100")]), "ap-smi")
    document = environment.doctor()
    assert "driver-torch-mismatch" in {finding["id"] for finding in document["findings"]}
    assert document["accelerator"] == "ap-smi 25.5.3005: 1700 flavor-default-8"


@pytest.mark.parametrize(
    "table", [old(), NEW.format(current="22.8.0", latest="22.8.0"), NEW.format(current="22.8.0", latest="9.1")]
)
def test_healthy_twins(environment: RealEnvironment, verdict: Verdict, table: str) -> None:
    printing(environment, table)
    verdict.silent(environment)
    text = environment.envtool("doctor", "--prefix", str(environment.path)).out
    assert "Accelerator" in text
    assert TOKEN not in text + environment.envtool("doctor", "--prefix", str(environment.path), "--format", "json").out


def test_the_stand_in_says_so(environment: RealEnvironment) -> None:
    install_program(environment, make_moreh_smi("22.8.0"))
    accelerator = environment.doctor()["accelerator"]
    assert accelerator == "moreh-smi 22.8.0: KT AI Accelerator Small.64GB (a stand-in; there is no accelerator)"
