"""A restore that is killed, or refused by the system, at every one of its changing system calls."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.corpus.sample import sample
from tests.support.environment import RealEnvironment
from tests.support.injection import can_inject, failing_at, killed_at, snapshot, stopped_at
from tests.support.scenario import Scenario

# Shares of the calls, so that they run side by side; a common run takes every fourth.
SHARES = 16

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not can_inject(), reason="strace is not installed or may not trace here"),
]


@pytest.mark.parametrize("share", sample(range(SHARES)))
@pytest.mark.parametrize("name", ["replaced", "changed", "unpacked", "large", "other_vendor"])
def test_killed(request: pytest.FixtureRequest, name: str, share: int) -> None:
    scenario: Scenario = request.getfixturevalue(name)
    for call in scenario.points[share::SHARES]:
        environment = scenario.copy()
        done = killed_at(call, environment, *scenario.command(environment))
        # Calls are counted in each process: one that unpacks may be the first to come to that number.
        was_killed = done.returncode in {-9, 137} or "a process that unpacks the wheel was killed" in done.stderr
        assert was_killed, f"not killed at {call}: {done.stderr}"
        holds(scenario, environment, f"killed at {call}")


@pytest.mark.parametrize("share", sample(range(SHARES)))
@pytest.mark.parametrize("name", ["replaced", "large"])
def test_full_disk(request: pytest.FixtureRequest, name: str, share: int) -> None:
    scenario: Scenario = request.getfixturevalue(name)
    for call in [call for call in scenario.points if not call.is_message][share::SHARES]:
        environment = scenario.copy()
        done = failing_at(call, "ENOSPC", environment, *scenario.command(environment))
        where = f"no room at {call}: {done.stderr}"
        # What fails after the change is done and good is only left to be cleared away.
        assert done.returncode in {9, 10} or snapshot_of(environment) == scenario.new, where
        assert "Traceback" not in done.stderr, where
        assert done.returncode == 0 or "the disk" in done.stderr, where
        holds(scenario, environment, where)


@pytest.mark.parametrize("share", range(SHARES // 4))
@pytest.mark.parametrize("name", ["replaced", "changed"])
def test_stopped(request: pytest.FixtureRequest, name: str, share: int) -> None:
    """Told to stop, it ends with everything old or everything new, and nothing of its own left."""
    scenario: Scenario = request.getfixturevalue(name)
    for call in scenario.points[share :: SHARES if name == "replaced" else SHARES // 4]:
        environment = scenario.copy()
        done = stopped_at(call, environment, *scenario.command(environment))
        where = f"stopped at {call}: {done.stderr}"
        assert done.returncode in {143, -signal.SIGTERM}, where
        assert "Traceback" not in done.stderr, where
        assert not (environment.site_packages / ".hac-restore").exists(), where
        assert snapshot(environment.path) in (scenario.old, scenario.new), where


def holds(scenario: Scenario, environment: RealEnvironment, where: str) -> None:
    """At once torch is the old or the new; after the next call everything is; and then a restore completes.

    A folder is exchanged whole. Of single files that are mended, some may be mended already.
    """
    now, old, new = (part(files) for files in (snapshot(environment.path), scenario.old, scenario.new))
    if scenario.is_of_files:
        assert {path for path in new if now.get(path) not in (old.get(path), new[path])} == set(), where
    else:
        assert now in (old, new), where
    # Without the wheels the next call can only complete what the journal says, or leave things as they were.
    store = Path(environment.variables["HAC_STORE"])
    store.rename(store.with_name("away"))
    environment.here("restore", "--prefix", str(environment.path))
    assert snapshot(environment.path) in (scenario.old, scenario.new), where
    assert not (environment.site_packages / ".hac-restore").exists(), where
    store.with_name("away").rename(store)
    assert environment.here(*scenario.command(environment)).status == 0, where
    assert environment.doctor("--deep")["findings"] == [], where
    assert snapshot(environment.path) == scenario.new, where


def part(files: dict[str, bytes]) -> dict[str, bytes]:
    """What `import torch` reads; without the mark that a new folder bears for a moment."""
    return {
        path: data for path, data in files.items() if "/site-packages/torch/" in f"/{path}" and "/.hac-" not in path
    }


def snapshot_of(environment: RealEnvironment) -> dict[str, bytes]:
    return {path: data for path, data in snapshot(environment.path).items() if "/.hac-restore/" not in path}
