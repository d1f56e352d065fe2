"""Real pip and real uv install lines into a copy of an environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from envtool.environment.prefix import read_prefix
from envtool.environment.reader import read_environment
from tests.support.environment import RealEnvironment, real_pip

_PINNED = ("torch", "torchvision", "torchaudio")


def find_versions(environment: RealEnvironment) -> dict[str, list[str]]:
    """Which versions of the vendor's distributions an environment has."""
    found = read_environment(read_prefix(environment.path))
    return {name: sorted(item.version for item in found.find(name)) for name in _PINNED}


def install_lines(
    lines: Sequence[str], installer: str, environment: RealEnvironment, index: str, folder: Path
) -> tuple[bool, bool]:
    """Whether an installer takes the lines, and whether the vendor's distributions are then what they were."""
    spare = RealEnvironment(folder / "spare", environment.wheels, environment.variables)
    shutil.copytree(environment.path, spare.path, symlinks=True)
    before = find_versions(spare)
    if installer == "pip":
        command = [*real_pip(spare.python), "install", "--quiet", "--no-compile"]
        command += ["--disable-pip-version-check", "--no-warn-conflicts", "--index-url", index]
    else:
        command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(spare.python)]
        command += ["--quiet", "--default-index", index]
    variables = {**os.environ, **environment.variables}
    done = subprocess.run([*command, *lines], env=variables, capture_output=True, check=False, timeout=600)
    kept = find_versions(spare) == before
    shutil.rmtree(spare.path)
    return done.returncode == 0, kept
