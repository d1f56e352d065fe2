"""Environments that belong to somebody else than root, and what somebody else may see of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.environment import RealEnvironment

# nobody's: there is such a user on every machine, and it has no home folder.
SOMEONE = 65534
# No machine has a user of this number.
NUMBER_ONLY = 54321

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look after somebody else's environment")


def give_to(uid: int, path: Path) -> None:
    """Give a tree to a user, who can also reach it: pytest's own folders let only root in."""
    subprocess.run(["chown", "-hR", f"{uid}:{uid}", path], check=True)
    for folder in path.parents:
        if "pytest-of-" in str(folder):
            folder.chmod(0o755)


def let_everybody_read(folder: Path) -> None:
    """Open a folder of root's, and the way to it."""
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    for above in folder.parents:
        if "pytest-of-" in str(above):
            above.chmod(0o755)


def list_owners(path: Path) -> set[int]:
    """The users that own anything in a tree."""
    return {path.lstat().st_uid} | {entry.lstat().st_uid for entry in path.rglob("*")}


def find_reachable_python() -> str:
    """An interpreter like this one that any user may run: root's own may lie where others cannot look."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    here = Path(sys.executable).resolve()
    for path in (here, *(Path(folder, version) for folder in os.defpath.split(":"))):
        if path.exists() and all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents):
            return str(path)
    pytest.skip(f"there is no {version} that every user may run")


def make_usable(environment: RealEnvironment) -> None:
    """Point an environment's interpreter at one that its owner may run."""
    for name in ("python", "python3", f"python{sys.version_info.major}.{sys.version_info.minor}"):
        link = environment.path / "bin" / name
        if link.is_symlink() and link.readlink().is_absolute():
            link.unlink()
            link.symlink_to(find_reachable_python())


def as_someone(environment: RealEnvironment, uid: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run envtool as a user, who may read everything, as root's own interpreter may lie where others cannot look."""
    capability = "+dac_read_search"
    words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    words += [f"--inh-caps={capability}", f"--ambient-caps={capability}"]
    variables = {**os.environ, **environment.variables, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*words, sys.executable, "-m", "envtool", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)


@contextmanager
def mounted(*words: str | Path) -> Iterator[None]:
    """Have something mounted: the words of mount(8), of which the last is where."""
    subprocess.run(["mount", *words], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", words[-1]], check=True)


def copy_environment(environment: RealEnvironment, folder: Path) -> RealEnvironment:
    """A copy of an environment and of its store below a new folder."""
    folder.mkdir()
    shutil.copytree(environment.path, folder / "environment", symlinks=True)
    return replace(environment, path=folder / "environment")
