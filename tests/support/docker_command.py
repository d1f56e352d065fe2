"""The docker command, run as a person runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Builder = dict[str, str]
# For what does not depend on the builder: half of such tests use the one, half the other. What each does of its own is
# in the table of tests/docker/builders.
ONE_BUILDER = pytest.mark.parametrize("builder", ["one"], indirect=True)


@dataclass(frozen=True)
class Ran:
    """How a command ended and all that it printed."""

    status: int
    output: str


def run(command: Sequence[str | Path], **variables: str) -> Ran:
    """Run a program to its end."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [str(word) for word in command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=600,
    )
    assert "Traceback" not in done.stdout, done.stdout
    return Ran(done.returncode, done.stdout)


def find_builders() -> dict[str, Builder]:
    """The docker commands here, by builder: variables to run them with, and in DOCKER the program's path."""
    found: dict[str, Builder] = {}
    for path in ("docker", "/usr/bin/docker"):
        program = shutil.which(path)
        if program is None:
            continue
        found.setdefault("classic", {"DOCKER": program, "DOCKER_BUILDKIT": "0"})
        old = run([program, "--version"]).output.startswith("Docker version 20.")
        has_plugin = run([program, "buildx", "version"]).status == 0
        if old or has_plugin:
            found.setdefault("buildkit", {"DOCKER": program, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"})
    return found
