"""What keeps an eye on many machines, killed at each of its changing calls: the old file or the new, never a part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.environment import RealEnvironment
from tests.support.fleet_documents import doctor_document, write_document
from tests.support.image_layout import Layout
from tests.support.injection import calls_of, can_inject, killed_at
from tests.unit.verify.test_many_images import make_images, registry_of

pytestmark = pytest.mark.exhaustive

needs_strace = pytest.mark.skipif(not can_inject(), reason="strace is not installed or may not trace here")


def kill_everywhere(environment: RealEnvironment, command: tuple[str, ...], output: Path, old: str) -> None:
    """Kill a command at each changing call: its output is whole each time, and running it again completes it."""
    # The first run makes folders for caches, which the next ones find.
    environment.here(*command)
    output.write_text(old)
    calls = [call for call in calls_of(environment, *command) if not call.is_message]
    new = output.read_text()
    assert new != old
    assert calls
    seen = set()
    for call in calls:
        output.write_text(old)
        done = killed_at(call, environment, *command)
        # What is kept in passing is not written each time, so that a call may not come: then the output is new.
        assert done.returncode in {-9, 137} or is_new(output.read_text(), new), f"not killed at {call}: {done.stderr}"
        found = output.read_text()
        seen.add(is_new(found, new))
        assert found == old or is_new(found, new), f"killed at {call}"
        # What it was writing has a name that nobody reads.
        left = [path for path in output.parent.iterdir() if path != output]
        assert all(path.name.startswith(".") and path.suffix != output.suffix for path in left), left
        environment.here(*command)
        assert is_new(output.read_text(), new), f"killed at {call}"
    assert False in seen


def is_new(found: str, new: str) -> bool:
    """Whether it is the new text, but for the moment that it tells."""
    return found.splitlines()[:3] == new.splitlines()[:3] and len(found.splitlines()) == len(new.splitlines())


@needs_strace
def test_a_report_of_the_fleet(environment: RealEnvironment, tmp_path: Path) -> None:
    reports, out = tmp_path / "reports", tmp_path / "out"
    out.mkdir()
    for number in range(3):
        write_document(reports / f"{number}.json", doctor_document(f"vm{number}", "2026-03-01T08:00:00+09:00"))
    output = out / "fleet.json"
    command = ("fleet", "report", str(reports), "--format", "json", "--output", str(output))
    kill_everywhere(environment, command, output, "{}\n")
    assert len(json.loads(output.read_text())["subjects"]) == 3


@needs_strace
def test_the_metrics_for_the_node_exporter(environment: RealEnvironment, tmp_path: Path) -> None:
    """It reads every file that ends in .prom, and a part of one would be an error of the whole machine's."""
    out = tmp_path / "textfiles"
    out.mkdir()
    output = out / "hac-doctor.prom"
    command = ("doctor", "--prefix", str(environment.path), "--format", "prometheus", "--output", str(output))
    kill_everywhere(environment, command, output, "# old\n")


@needs_strace
def test_a_machines_own_document_in_the_folder_of_reports(environment: RealEnvironment, tmp_path: Path) -> None:
    out = tmp_path / "reports"
    out.mkdir()
    old = json.dumps(doctor_document("vm1", "2026-03-01T08:00:00+09:00")) + "\n"
    output = out / "vm1.json"
    command = ("doctor", "--prefix", str(environment.path), "--format", "json", "--output", str(output))
    environment.here(*command)
    output.write_text(old)
    for call in [call for call in calls_of(environment, *command) if not call.is_message]:
        output.write_text(old)
        killed_at(call, environment, *command)
        done = environment.here("fleet", "report", str(out), "--format", "json")
        assert done.status == 0, done.err
        document = json.loads(done.out)
        assert (document["looks"], document["files"], document["skipped"]) == (1, 1, []), call


@pytest.mark.parametrize("after", [1, 5, 12, 20])
def test_a_part_of_a_sweep(after: int, environment: RealEnvironment, tmp_path: Path) -> None:
    """Killed after so many requests to the registry and run again: each image is in the report once."""
    layout, requests = Layout(), list[str]()
    images = make_images(layout, 8)
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    variables = {**os.environ, **environment.variables}
    with registry_of(images, layout, Counter(), requests.append) as host:
        for index in range(2):
            file = sweep / f"{index}.json"
            command = [sys.executable, "-m", "envtool", "verify", "--static", f"docker://{host}/team/*"]
            command += ["--shard", f"{index}/2", "--format", "json", "--output", str(file), "--project", str(tmp_path)]
            requests.clear()
            with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL) as process:
                while len(requests) < after and process.poll() is None:
                    time.sleep(0.001)
                process.kill()
            assert not file.exists() or json.loads(file.read_text())["images"]
            for _again in range(2):
                subprocess.run(command, env=variables, stdout=subprocess.DEVNULL, check=False, timeout=300)
    done = environment.here("fleet", "report", str(sweep), "--format", "json")
    document = json.loads(done.out)
    assert sorted(row["name"] for row in document["subjects"]) == sorted(f"docker://{host}/{name}" for name in images)
    assert (document["looks"], document["files"], document["skipped"]) == (8, 2, [])
