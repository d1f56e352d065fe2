"""A virtual environment on disk, and the commands that are run on it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pip

from envtool.cli.main import main
from tests.support.forked import run_forked

PYTHON = (sys.version_info.major, sys.version_info.minor)


TORCH = "1.7.1+cu110.moreh22.8.0"


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class RealEnvironment:
    """A virtual environment on disk, with the wheels it may be filled from."""

    path: Path
    wheels: Path
    variables: dict[str, str]

    @property
    def site_packages(self) -> Path:
        """Where distributions are."""
        return self.path / "lib" / f"python{PYTHON[0]}.{PYTHON[1]}" / "site-packages"

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.path / "bin" / "python"

    def pip(self, *arguments: str, check: bool = True) -> Outcome:
        """Run the real pip against the environment, without any index but the folder of wheels."""
        return self._run([*real_pip(self.python), *arguments], check=check)

    def pip_install(self, *arguments: str) -> Outcome:
        """`pip install` from the folder of wheels."""
        return self.pip("install", "--quiet", "--no-index", "--find-links", str(self.wheels), *arguments)

    def uv_install(self, *arguments: str) -> Outcome:
        """`uv pip install` from the folder of wheels."""
        command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(self.python)]
        return self._run([*command, "--no-index", "--find-links", str(self.wheels), *arguments], check=True)

    def envtool(self, *arguments: str, input: str | None = None) -> Outcome:
        """Run envtool in a process of its own."""
        outcome = Outcome(*run_forked(arguments, self.variables, input=input))
        assert "Traceback" not in outcome.err, outcome.err
        return outcome

    def doctor(self, *arguments: str) -> dict[str, Any]:
        """What `envtool doctor --format json` says.

        In this process, which saves most of the time of hundreds of calls; `envtool` has one of its own.
        """
        outcome = self.here("doctor", "--prefix", str(self.path), "--format", "json", *arguments)
        assert outcome.status in {0, 1}, f"exit status {outcome.status}"
        document: dict[str, Any] = json.loads(outcome.out)
        assert (document["status"] == "healthy") == (outcome.status == 0)
        return document

    def here(self, *arguments: str, program: Callable[[], None] = main, input: str = "") -> Outcome:
        """Run envtool, or another program of it, in this process."""
        out, err = io.StringIO(), io.StringIO()
        argv = ["envtool", *arguments]
        with (
            patch.dict(os.environ, self.variables),
            patch.object(sys, "argv", argv),
            patch.object(sys, "stdin", io.StringIO(input)),
        ):
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    program()
                    status = 0
                except SystemExit as end:
                    status = int(end.code or 0)
        return Outcome(status, out.getvalue(), err.getvalue())

    def finding_ids(self, *arguments: str) -> set[str]:
        """The ids of doctor's findings."""
        return {finding["id"] for finding in self.doctor(*arguments)["findings"]}

    def restore(self, *arguments: str) -> Outcome:
        """`envtool restore`."""
        return self.envtool("restore", "--prefix", str(self.path), *arguments)

    def _run(self, command: list[str], *, check: bool, input: str | None = None) -> Outcome:
        environment = {**os.environ, **self.variables}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, input=input, timeout=120
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)


def real_pip(python: Path) -> list[str]:
    """The command of this Python's pip, for another environment's.

    `pip --python` comes to this very command, after it has started a Python and imported pip once more.
    """
    return [str(python), str(Path(pip.__file__).with_name("__pip-runner__.py"))]


def make_virtual_environment(path: Path) -> None:
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(path)], check=True)


def environment_in(folder: Path, wheels: Path, shared: Path, name: str = "environment") -> RealEnvironment:
    """The environment `folder`/`name`, with variables that keep the user's own settings and caches out of it."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    variables = {
        "HOME": str(home),
        "HAC_STORE": str(folder / "store"),
        "HAC_VENDOR": "",
        "XDG_CONFIG_HOME": str(home / "config"),
        "CONDA_PREFIX": "",
        "VIRTUAL_ENV": "",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_CONSTRAINT": "",
        "UV_CONSTRAINT": "",
        "UV_CACHE_DIR": str(shared / "uv-cache"),
        # Hard links into the cache would let the damage of one test into the next.
        "UV_LINK_MODE": "copy",
        "NO_COLOR": "1",
    }
    return RealEnvironment(folder / name, wheels, variables)
