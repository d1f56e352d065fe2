"""A machine that loses its power in a restore: what was not brought to the disk is gone.

The environment lies on an ext4 of its own in a file. What its kernel has not written there yet is not in a copy of that
file, so that a copy made at once is the disk of a machine whose power failed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.corpus.sample import sample
from tests.faults.test_every_call import part
from tests.support.environment import environment_in
from tests.support.injection import can_inject, killed_at, snapshot
from tests.support.scenario import Scenario

SHARES = 4


def can_mount() -> bool:
    """Whether this user may mount a file of ext4."""
    return os.geteuid() == 0 and shutil.which("mkfs.ext4") is not None and Path("/dev/loop-control").exists()


pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not can_mount() or not can_inject(), reason="needs root, mkfs.ext4, loop devices and strace"),
]


@contextmanager
def mounted(disk: Path, folder: Path) -> Iterator[None]:
    # No writing by itself meanwhile: only what a restore asks for gets to the disk.
    subprocess.run(["mount", "-o", "loop,commit=600", disk, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def copy_disk(disk: Path, copy: Path) -> None:
    """By cp, which passes holes by: most of a disk is one."""
    subprocess.run(["cp", disk, copy], check=True)


# The size of the disk in MiB, and every how many calls the power fails.
@pytest.mark.parametrize(("name", "size", "every"), [("replaced", 48, 5), ("unpacked", 48, 20), ("large", 160, 20)])
@pytest.mark.parametrize("share", sample(range(SHARES)))
def test_power_lost(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, size: int, every: int, share: int
) -> None:
    scenario: Scenario = request.getfixturevalue(name)
    fresh, folder = tmp_path / "fresh", tmp_path / "machine"
    folder.mkdir()
    with open(fresh, "wb") as stream:
        stream.truncate(size << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", fresh], check=True)
    with mounted(fresh, folder):
        for part_name in ("environment", "store"):
            shutil.copytree(scenario.template / part_name, folder / part_name, symlinks=True)
        # Not by umount alone: where another mount namespace has a copy of this mount, as that of each container that is
        # just starting, umount ends without a word before anything is written, and the disk that is copied is empty.
        subprocess.run(["sync", "--file-system", folder], check=True)
    environment = environment_in(folder, scenario.wheels, tmp_path)
    environment.variables.update(HAC_STORE=str(folder / "store"), HAC_FSYNC="on")
    # Shared out, and the end of a restore that nothing breaks.
    for number, call in enumerate([*scenario.calls[share * every :: SHARES * every], None]):
        # A file of its own each time: where another mount namespace still holds the last mount (a container that is
        # just starting has a copy of every mount), its file system lives on after umount, and `mount` would take the
        # loop device that it has for the same file, with what that remembers of the old contents.
        disk, lost = tmp_path / f"disk-{number}", tmp_path / f"lost-{number}"
        copy_disk(fresh, disk)
        with mounted(disk, folder):
            old = snapshot(environment.path)
            if call is None:
                assert environment.here(*scenario.command(environment)).status == 0
            else:
                killed = killed_at(call, environment, *scenario.command(environment))
                assert killed.returncode == -signal.SIGKILL, f"not killed at {call}: {killed.stderr}"
            copy_disk(disk, lost)
        with mounted(lost, folder):
            where = f"power lost at {call}"
            now = part(snapshot(environment.path))
            if call is None:
                assert environment.doctor("--deep")["findings"] == [], where
            store = folder / "store"
            store.rename(folder / "away")
            environment.here("restore", "--prefix", str(environment.path))
            (folder / "away").rename(store)
            done = environment.here("restore", "--prefix", str(environment.path))
            assert done.status == 0, where + done.err
            assert environment.doctor("--deep")["findings"] == [], where
            assert now in (part(old), part(snapshot(environment.path))), where
        disk.unlink()
        lost.unlink()
