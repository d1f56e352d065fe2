"""Files of many machines and images become one report: each subject once, the worst first, nothing read by halves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from envtool.cli.render.fleet import create_fleet_document, render_fleet
from envtool.cli.report_format import FleetFormat
from envtool.errors import FleetError
from envtool.fleet.report_fleet import FleetReport, FleetRequest, report_fleet
from tests.support.environment import RealEnvironment
from tests.support.fleet_documents import (
    TORCH,
    doctor_document,
    image_row,
    jobs_document,
    verify_document,
    write_document,
)

DOCS = Path(__file__).parents[3] / "docs"
FLEET_SCHEMA = json.loads((DOCS / "fleet.schema.json").read_text())
DAY = "2026-03-0{}T08:00:00+09:00"
SHA = "sha256:" + "ab" * 32


def report(*paths: Path) -> FleetReport:
    found = report_fleet(FleetRequest(paths=paths))
    validate(json.loads(render_fleet(found, FleetFormat.JSON)), FLEET_SCHEMA)
    return found


def names(found: FleetReport) -> list[tuple[str, str]]:
    return [(item.last.name, item.last.status) for item in found.subjects]


def test_a_real_clobber_names_the_machine_and_the_package(environment: RealEnvironment, tmp_path: Path) -> None:
    before = environment.doctor()
    environment.pip_install("--upgrade", "wants-newer")
    after = environment.doctor()
    for document in (before, after):
        validate(document, json.loads((DOCS / "doctor.schema.json").read_text()))
    before["time"] = "2020-01-01T00:00:00+00:00"
    write_document(tmp_path / "in/a.json", before)
    write_document(tmp_path / "in/b.json", after)
    outcome = environment.here("fleet", "report", str(tmp_path / "in"))
    assert outcome.status == 1
    host = os.uname().nodename
    first = outcome.out.splitlines()[0].split()
    assert first[:2] == ["damaged", f"{host}:{environment.path}"]
    causes = report(tmp_path / "in").causes
    assert (causes[0].package, causes[0].subjects) == ("wants-newer", 1)
    assert before["environment"]["torch"] == TORCH
    assert after["environment"]["torch"] != TORCH


def test_the_worst_comes_first_and_the_newest_look_counts(tmp_path: Path) -> None:
    write_document(tmp_path / "1.json", doctor_document("tiger", DAY.format(1)))
    write_document(tmp_path / "2.json", doctor_document("tiger", DAY.format(3), status="damaged", culprit="flair"))
    write_document(tmp_path / "3.json", doctor_document("crane", DAY.format(1), status="damaged", culprit="flair"))
    write_document(tmp_path / "4.json", doctor_document("crane", DAY.format(2)))
    write_document(tmp_path / "5.json", jobs_document("crane", DAY.format(2), "working", "stopped"))
    found = report(tmp_path)
    assert names(found) == [
        ("tiger:/opt/conda", "damaged"),
        ("crane: accelerator", "idle-jobs"),
        ("crane:/opt/conda", "healthy"),
    ]
    assert found.exit_status == 1
    assert [(row.package, row.subjects, row.problems) for row in found.causes] == [
        ("flair", 1, ("torch-replaced",)),
        ("", 1, ("stopped",)),
    ]
    days = [row for row in create_fleet_document(found)["days"] if row["kind"] == "environment"]
    # 08:00 in Seoul is the day before at 23:00 UTC.
    assert [(row["day"], row["good"], row["bad"]) for row in days] == [
        ("2026-02-28", 1, 1),
        ("2026-03-01", 2, 0),
        ("2026-03-02", 1, 1),
    ]


def test_an_image_counts_once_by_its_digest(tmp_path: Path) -> None:
    """Under two tags, swept twice by a job that was started again, and in a shard's file that lies there as a copy."""
    rows = [
        image_row("docker://r/team/a:1", SHA, DAY.format(1)),
        image_row("docker://r/team/a:latest", SHA, DAY.format(1)),
    ]
    write_document(tmp_path / "shard-0.json", verify_document(*rows))
    write_document(tmp_path / "copy/shard-0.json", verify_document(*rows))
    write_document(tmp_path / "again.json", verify_document(image_row("docker://r/team/a:1", SHA, DAY.format(2))))
    found = report(tmp_path)
    assert [item.names for item in found.subjects] == [("docker://r/team/a:1", "docker://r/team/a:latest")]
    assert (found.looks, found.repeated, found.exit_status) == (5, 3, 0)


def test_a_tag_that_moved_on_no_longer_counts_as_what_it_was(tmp_path: Path) -> None:
    other = "sha256:" + "cd" * 32
    write_document(
        tmp_path / "1.json", verify_document(image_row("docker://r/b:latest", SHA, DAY.format(1), failed=("torch",)))
    )
    write_document(tmp_path / "2.json", verify_document(image_row("docker://r/b:latest", other, DAY.format(2))))
    unread = {**image_row("docker://r/c:1", None, DAY.format(1)), "status": "error", "error": "it is cut off"}
    write_document(tmp_path / "3.json", verify_document(unread))
    assert names(report(tmp_path)) == [("docker://r/c:1", "error"), ("docker://r/b:latest", "passed")]
    write_document(tmp_path / "4.json", verify_document(image_row("docker://r/c:1", SHA[:-2] + "ff", DAY.format(3))))
    found = report(tmp_path)
    assert {status for _name, status in names(found)} == {"passed"}
    assert found.exit_status == 0


def test_warnings_of_verify_fail_no_image(tmp_path: Path) -> None:
    row = {**image_row("docker://r/a:1", SHA, DAY.format(1), failed=("caches",)), "status": "passed"}
    assert report(write_document(tmp_path / "a.json", verify_document(row))).exit_status == 0


@pytest.mark.parametrize("part", [0, 1, 0.3, 0.999])
@pytest.mark.parametrize(
    "document",
    [
        doctor_document("ibis", DAY.format(1), status="damaged", culprit="flair"),
        verify_document(
            image_row("docker://r/a:1", SHA, DAY.format(1)), image_row("docker://r/b:1", None, DAY.format(1))
        ),
        jobs_document("ibis", DAY.format(1), "gone"),
    ],
    ids=["doctor", "verify", "jobs"],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_what_is_cut_off_is_skipped_and_named(
    document: dict[str, Any], part: float, indent: int | None, tmp_path: Path
) -> None:
    write_document(tmp_path / "whole.json", doctor_document("heron", DAY.format(1)))
    text = json.dumps(document, indent=indent)
    (tmp_path / "cut.json").write_text(text[: part if isinstance(part, int) else int(len(text) * part)])
    found = report(tmp_path)
    assert names(found) == [("heron:/opt/conda", "healthy")]
    assert [Path(item.path).name for item in found.skipped] == ["cut.json"]
    assert found.skipped[0].reason
    assert found.exit_status == FleetError.exit_status
    assert create_fleet_document(found)["status"] == "incomplete"


def test_every_cut_of_a_document_is_noticed(tmp_path: Path) -> None:
    text = json.dumps(verify_document(image_row("docker://r/a:1", SHA, DAY.format(1), failed=("torch",))))
    file = tmp_path / "cut.json"
    for length in range(len(text)):
        file.write_text(text[:length])
        with pytest.raises(FleetError):
            report_fleet(FleetRequest(paths=(file,)))


def test_a_log_counts_up_to_the_line_that_is_being_written(tmp_path: Path) -> None:
    """`envtool jobs --watch --format json >> jobs.jsonl` is at work while the report is made."""
    lines = [json.dumps(jobs_document("stork", DAY.format(n))) for n in (1, 2)]
    (tmp_path / "jobs.jsonl").write_text("\n".join([*lines, lines[0][:40]]))
    found = report(tmp_path)
    assert (found.looks, names(found)) == (2, [("stork: accelerator", "free")])
    assert [item.reason.partition(":")[0] for item in found.skipped] == ["line 3 is no JSON, or cut off"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x00" * 400, "no JSON"),
        (b"[]", "no report"),
        (b'"text"', "no report"),
        (b"{}", "names no schema"),
        (b'{"schema": 7}', "names no schema"),
        (b'{"schema": "hac-envtool/check/1", "status": "safe"}', "its schema is hac-envtool/check/1"),
        (b'{"schema": "hac-envtool/doctor/1"}', "`environment` is missing"),
        (b'{"schema": "hac-envtool/verify/1", "status": "passed", "images": [3]}', "other rows"),
        (b'{"schema": "hac-envtool/jobs/1", "status": null, "jobs": []}', "`status` is missing"),
        (b"[" * 100_000, "nested"),
        (b'{"version": "2.1.0", "runs": []}', "names no schema"),
        (b'<?xml version="1.0"?><testsuites/>', "no JSON"),
    ],
)
def test_what_is_no_report_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    write_document(tmp_path / "whole.json", doctor_document("heron", DAY.format(1)))
    (tmp_path / "other.json").write_bytes(content)
    (skipped,) = report(tmp_path).skipped
    assert reason in skipped.reason


def test_a_moment_that_no_calendar_has_is_no_time(tmp_path: Path) -> None:
    write_document(tmp_path / "whole.json", doctor_document("heron", DAY.format(1)))
    write_document(tmp_path / "early.json", doctor_document("ibis", "0001-01-01T00:00:00+14:00"))
    write_document(tmp_path / "odd.json", doctor_document("ibis", "yesterday"))
    assert [item.reason for item in report(tmp_path).skipped] == [
        "it is not as its schema has it: `time` is no time"
    ] * 2


def test_what_is_no_file_is_named_and_nobody_waits(tmp_path: Path) -> None:
    write_document(tmp_path / "whole.json", doctor_document("heron", DAY.format(1)))
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "lost.json").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = report(tmp_path, tmp_path / "absent.json")
    assert {Path(item.path).name for item in found.skipped} == {"pipe.json", "lost.json", "absent.json"}
    assert len(found.subjects) == 1


def test_files_that_are_being_written_are_left_alone(tmp_path: Path) -> None:
    write_document(tmp_path / "whole.json", doctor_document("heron", DAY.format(1)))
    (tmp_path / ".whole.json.x8_1").write_text("{")
    (tmp_path / ".other.json").write_text("{")
    (tmp_path / "notes.txt").write_text("not ours")
    found = report(tmp_path, tmp_path / "whole.json")
    assert (found.skipped, found.files, found.exit_status) == ((), 1, 0)


def test_machines_that_share_a_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    """Cloud images come as `localhost`; an older envtool names no machine at all."""
    for folder in ("seoul/1", "seoul/2"):
        write_document(tmp_path / folder / "doctor.json", doctor_document("localhost", DAY.format(1)))
    old = doctor_document("x", DAY.format(1))
    del old["host"], old["time"]
    write_document(tmp_path / "busan/1/doctor.json", old)
    assert sorted(item.last.host for item in report(tmp_path).subjects) == [
        "busan/1/doctor",
        "seoul/1/doctor",
        "seoul/2/doctor",
    ]


def test_a_status_of_a_later_version_is_not_taken_for_good(tmp_path: Path) -> None:
    found = report(write_document(tmp_path / "a.json", doctor_document("heron", DAY.format(1), status="quarantined")))
    assert found.exit_status == 1


def test_two_that_disagree_about_one_moment_count_as_the_worse(tmp_path: Path) -> None:
    write_document(tmp_path / "1.json", doctor_document("heron", DAY.format(1), status="damaged", culprit="flair"))
    write_document(tmp_path / "2.json", doctor_document("heron", DAY.format(1)))
    assert names(report(tmp_path)) == [("heron:/opt/conda", "damaged")]


def test_an_empty_folder_says_what_to_run(environment: RealEnvironment, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    outcome = environment.here("fleet", "report", str(tmp_path / "in"))
    assert outcome.status == FleetError.exit_status
    assert "envtool doctor --format json" in outcome.err


def test_a_page_says_the_same_and_takes_no_name_for_html(environment: RealEnvironment, tmp_path: Path) -> None:
    document = doctor_document("heron<b>", DAY.format(1), status="damaged", culprit="<script>flair")
    write_document(tmp_path / "in/1.json", document)
    write_document(tmp_path / "in/2.json", doctor_document("heron<b>", DAY.format(3)))
    write_document(tmp_path / "in/3.json", {**document, "host": "crane"})
    (tmp_path / "in/cut<i>.json").write_text("{")
    output = tmp_path / "page.html"
    outcome = environment.here("fleet", "report", str(tmp_path / "in"), "--format", "html", "-o", str(output))
    assert outcome.status == 1
    text = output.read_text()
    assert not any(tag in text for tag in ("<script>flair", "heron<b>", "cut<i>"))
    assert "crane:/opt/conda" in text
    # It is well by now: among those that are not it has no place, and among the days it counts.
    assert "heron" not in text
    assert "2026-03-02" in text
    assert "cut&lt;i&gt;.json" in text


def test_terminal_controls_of_another_machine_are_not_printed(environment: RealEnvironment, tmp_path: Path) -> None:
    document = doctor_document("red\x1b[31m", DAY.format(1), status="damaged", culprit="x\x1b]0;owned\x07")
    outcome = environment.here("fleet", "report", str(write_document(tmp_path / "a.json", document)))
    assert "\x1b" not in outcome.out
    assert "\x07" not in outcome.out


def test_ten_thousand_files(tmp_path: Path) -> None:
    """Within 20 seconds and 300 MiB, as a process of its own."""
    for number in range(10_000):
        status = "damaged" if number % 10 == 0 else "healthy"
        document = doctor_document(f"vm{number}", DAY.format(number % 9 + 1), status=status, culprit=f"pkg{number % 7}")
        (tmp_path / f"{number}.json").write_text(json.dumps(document))
    output = tmp_path / "out.txt"
    # Measured by a small process: Linux counts the memory of the process that starts one as the started one's peak.
    measure = "import resource, subprocess, sys; print(subprocess.run(sys.argv[1:]).returncode, file=sys.stderr); "
    measure += "print(*resource.getrusage(resource.RUSAGE_CHILDREN)[:3], file=sys.stderr)"
    command = [sys.executable, "-m", "envtool", "fleet", "report", str(tmp_path), "--format", "json"]
    with open(output, "wb") as stream:
        done = subprocess.run(
            [sys.executable, "-c", measure, *command], stdout=stream, stderr=subprocess.PIPE, text=True, check=True
        )
    status, user, system, peak = done.stderr.split()[-4:]
    assert int(status) == 1
    document = json.loads(output.read_text())
    assert len(document["subjects"]) == 10_000
    assert sum(row["standing"] == "bad" for row in document["subjects"]) == 1_000
    assert int(peak) < 300 * 1024
    # Of processor time: other tests run beside this one.
    assert float(user) + float(system) < 20
