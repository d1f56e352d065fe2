"""A process of the owner's that swaps a folder for a link, again and again, while root looks after the environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.environment import PYTHON, RealEnvironment
from tests.support.someone import SOMEONE, give_to, needs_root

pytestmark = [needs_root, pytest.mark.exhaustive]

SECRET = "the secret of root"
# For each place.
ROUNDS = 50
COMMANDS = (["restore", "--force"], ["protect"], ["restore", "--force"], ["protect", "--undo"], ["doctor", "--fix"])
SITE_PACKAGES = f"lib/python{PYTHON[0]}.{PYTHON[1]}/site-packages"
# Exchanges two names until it is ended, by renameat2(2) with RENAME_EXCHANGE, so that neither is ever missing.
SWAP = """
import ctypes, os, sys
exchange = ctypes.CDLL(None).renameat2
here, there = (os.fsencode(path) for path in sys.argv[1:])
print("ready", flush=True)
while True:
    exchange(-100, here, -100, there, 2)
"""


@contextmanager
def swapping(place: Path, link: Path) -> Iterator[None]:
    """Have somebody's process exchange a folder and a link meanwhile; the folder is in its place afterwards."""
    words = ["setpriv", f"--reuid={SOMEONE}", f"--regid={SOMEONE}", "--clear-groups"]
    # Root's own interpreter may lie where others cannot look.
    words += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    with subprocess.Popen(
        [*words, sys.executable, "-c", SWAP, place, link],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.kill()
            process.wait()
    if place.is_symlink():
        place.unlink()
        link.rename(place)


def make_outside(place: Path, folder: Path) -> Path:
    """A folder of root's with the same names in it as in the place, which everybody may read, and a secret."""
    outside = folder / "outside"
    shutil.copytree(place, outside, symlinks=True)
    for path in outside.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.write_text(f"root's {path.name}")
    (outside / "secret").write_text(SECRET)
    (outside / "secret").chmod(0o600)
    return outside


def describe(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that a change would change: contents, owners, permissions, and the time of the last change of any kind."""
    described: dict[str, tuple[object, ...]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        described[str(path)] = (status.st_uid, status.st_gid, status.st_mode, status.st_size, status.st_ctime_ns, data)
    return described


@pytest.mark.parametrize("place", ["bin", "etc/hac", SITE_PACKAGES, f"{SITE_PACKAGES}/torch"])
def test_nothing_leads_out(environment: RealEnvironment, tmp_path: Path, place: str) -> None:
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    folder = environment.path / place
    outside = make_outside(folder, tmp_path)
    link = folder.with_name("swapped")
    link.symlink_to(outside)
    os.chown(link, SOMEONE, SOMEONE, follow_symlinks=False)
    before = describe(outside)
    with swapping(folder, link):
        for number in range(ROUNDS):
            command = COMMANDS[number % len(COMMANDS)]
            environment.here(*command, "--prefix", str(environment.path))
            assert describe(outside) == before, number
    for path in environment.path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert SECRET.encode() not in path.read_bytes(), path


def test_innocent_twin_without_a_race(environment: RealEnvironment, tmp_path: Path) -> None:
    """A link beside the folder, which nobody swaps."""
    environment.uv_install("wants-newer")
    give_to(SOMEONE, environment.path)
    outside = make_outside(environment.site_packages / "torch", tmp_path)
    (environment.site_packages / "swapped").symlink_to(outside)
    done = environment.restore("--force")
    assert done.status == 0, done.err
    assert environment.doctor("--deep")["findings"] == []
