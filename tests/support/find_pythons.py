"""Finds the CPythons on this machine that can make virtual environments with a pip of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
# The oldest that the vendor's torch was made for, and the newest that a torch here was seen with.
VERSIONS = tuple(dict.fromkeys([*(f"3.{minor}" for minor in range(6, 14)), RUNNING]))
_TELL = "import ensurepip, platform, sys, venv; print(platform.python_implementation(), '%d.%d' % sys.version_info[:2])"


@cache
def find_python(version: str) -> Path | None:
    """The first interpreter of a version, such as "3.8", that has venv and ensurepip; `None` where there is none."""
    return next((path for path in _candidates(version) if _is_usable(path, version)), None)


def required_versions() -> frozenset[str]:
    """The versions that must be found here: those of HAC_REQUIRE_PYTHONS, and the one that runs the tests."""
    return frozenset(os.environ.get("HAC_REQUIRE_PYTHONS", "").replace(",", " ").split()) | {RUNNING}


def _candidates(version: str) -> Iterator[Path]:
    if version == RUNNING:
        yield Path(sys.executable)
    yield from (Path(text) for text in os.environ.get("HAC_TEST_PYTHONS", "").split(os.pathsep) if text)
    for folder in os.get_exec_path():
        yield Path(folder) / f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/*/bin/python{version}"))


def _is_usable(path: Path, version: str) -> bool:
    """Whether it runs at all (pyenv's shims may not) and is what its name says."""
    if not os.access(path, os.X_OK):
        return False
    done = subprocess.run([str(path), "-c", _TELL], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode == 0 and done.stdout.split() == ["CPython", version]
