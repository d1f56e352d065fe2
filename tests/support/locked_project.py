"""Projects that a real uv locks, and `envtool sync` on them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.environment import RealEnvironment

UV = str(Path(sys.executable).parent / "uv")
BASE = {"torch", "torchvision", "torchaudio"}


def write_project(folder: Path, text: str) -> Path:
    """A project that is not a package, unless the text says so."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "work"\nversion = "1"\n{text}')
    return folder


def uv_lock(folder: Path, index: str, environment: RealEnvironment) -> Path:
    """Lock the project in a folder."""
    variables = {**environment.variables, "PATH": "/usr/bin:/bin", "UV_DEFAULT_INDEX": index}
    command = [UV, "lock", "--quiet", "--python", sys.executable, "--project", str(folder)]
    subprocess.run(command, env=variables, check=True, timeout=300)
    return folder


def sync(environment: RealEnvironment, *arguments: str) -> tuple[int, str]:
    """`envtool sync` on an environment: its status, and all that it says."""
    done = environment.envtool("sync", "--prefix", str(environment.path), *arguments)
    return done.status, done.out + done.err


def installed(environment: RealEnvironment) -> set[str]:
    """The names of the distributions in an environment."""
    return {path.name.split("-")[0].replace("_", "-") for path in environment.site_packages.glob("*.dist-info")}
