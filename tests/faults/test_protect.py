"""`envtool protect` that is killed at a changing system call, and what takes it back: all of it or nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.corpus.sample import sample
from tests.support.environment import RealEnvironment, environment_in, make_virtual_environment
from tests.support.injection import Call, calls_of, can_inject, killed_at, snapshot
from tests.support.vendor_wheels import get_case, write_vendor_wheels

# Shares of the calls; a common run takes every fourth.
SHARES = 16
# A user's own file, which is written into and has to be whole again.
OWN = "[global]\ntimeout = 60\n"

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not can_inject(), reason="strace is not installed or may not trace here"),
]


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> RealEnvironment:
    folder = tmp_path_factory.mktemp("protect")
    write_vendor_wheels(get_case("rocm"), folder / "wheels")
    made = environment_in(folder, folder / "wheels", folder)
    make_virtual_environment(made.path)
    made.uv_install("--no-deps", *(f"{name}=={version}" for name, version in get_case("rocm").pinned.items()))
    (made.path / "pip.conf").write_text(OWN)
    return made


def copy(vendor: RealEnvironment, folder: Path) -> RealEnvironment:
    shutil.copytree(vendor.path, folder, symlinks=True)
    return replace(vendor, path=folder)


@pytest.mark.parametrize("share", sample(range(SHARES)))
@pytest.mark.parametrize("undo", [False, True])
def test_killed(vendor: RealEnvironment, tmp_path: Path, undo: bool, share: int) -> None:
    """Torch's files are as they were; the same command completes it, and `--undo` leaves no trace."""
    before = snapshot(vendor.path)
    options = ("--undo",) if undo else ()
    whole = copy(vendor, tmp_path / "whole")
    if undo:
        run(whole)
    start = snapshot(whole.path)
    template = copy(whole, tmp_path / "template")
    calls = [item for item in calls_of(whole, *command(whole, *options)) if not item.is_message]
    end = snapshot(whole.path)
    assert start != end
    for number, call in enumerate(calls[share::SHARES]):
        environment = copy(template, tmp_path / str(number))
        done = killed_at(call, environment, *command(environment, *options))
        assert done.returncode in {-9, 137}, f"not killed at {call}: {done.stderr}"
        run(environment, *options)
        assert normalize(snapshot(environment.path), environment) == normalize(end, whole), call
        run(environment, "--undo")
        assert snapshot(environment.path) == before, call


def command(environment: RealEnvironment, *options: str) -> tuple[str, ...]:
    return ("protect", "--prefix", str(environment.path), *options)


def run(environment: RealEnvironment, *options: str) -> None:
    done = environment.here(*command(environment, *options))
    assert done.status == 0, done.err


def normalize(files: dict[str, bytes], environment: RealEnvironment) -> dict[str, bytes]:
    """The files with the environment's own place taken out; without the manifest, whose hashes are of that place."""
    place = str(environment.path).encode()
    return {name: data.replace(place, b"PREFIX") for name, data in files.items() if name != "etc/hac/protect.json"}


def test_the_calls_are_many(vendor: RealEnvironment, tmp_path: Path) -> None:
    environment = copy(vendor, tmp_path / "environment")
    found: tuple[Call, ...] = calls_of(environment, *command(environment))
    assert len(found) > SHARES
