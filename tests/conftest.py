"""Real environments to damage and mend: virtual environments made by uv, filled by pip and uv from real wheels.

The vendor's wheels and the upstream torch are the stand-ins of `envtool.demo`; pip, uv and every record are real.
"""

from __future__ import annotations

import compileall
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import envtool
from envtool.cli.main import main
from envtool.demo.python_index import make_upstream_torch
from envtool.demo.vendor_release import make_release_contents, write_release
from envtool.demo.wheel_writer import WheelContent, write_wheel
from envtool.environment.prefix import read_prefix
from envtool.release.release_filter import ReleaseFilter
from envtool.release.select import select_from_sources
from envtool.release.source.folder import FolderSource
from envtool.restore.apply import write_pin
from envtool.wheel.store import FileStore

PYTHON = (sys.version_info.major, sys.version_info.minor)
TORCH = "1.7.1+cu110.moreh22.8.0"


def pytest_configure(config: pytest.Config) -> None:
    """Compile envtool once, as an installed tool is: hundreds of processes would else do it, where none may write."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(envtool.__file__).parent, quiet=1)


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
        command = [sys.executable, "-m", "pip", "--python", str(self.python), *arguments]
        return self._run(command, check=check)

    def pip_install(self, *arguments: str) -> Outcome:
        """`pip install` from the folder of wheels."""
        return self.pip("install", "--quiet", "--no-index", "--find-links", str(self.wheels), *arguments)

    def uv_install(self, *arguments: str) -> Outcome:
        """`uv pip install` from the folder of wheels."""
        command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--python", str(self.python)]
        return self._run([*command, "--no-index", "--find-links", str(self.wheels), *arguments], check=True)

    def envtool(self, *arguments: str, input: str | None = None) -> Outcome:
        """Run envtool as a person does."""
        return self._run([sys.executable, "-m", "envtool", *arguments], check=False, input=input)

    def doctor(self, *arguments: str) -> dict[str, Any]:
        """What `envtool doctor --format json` says.

        In this process, which saves most of the time of hundreds of calls; `envtool` starts one as a person does.
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


@dataclass(frozen=True)
class Verdict:
    """Holds doctor to the truth about a damage, and records how it did for the table of `make bench`."""

    record: Callable[[str, object], None]

    def finds(
        self, environment: RealEnvironment, identity: str, *arguments: str, cause: str | None = None
    ) -> dict[str, Any]:
        """Doctor must have a finding of this id, whose cause contains `cause`; returns the finding."""
        findings: list[dict[str, Any]] = environment.doctor(*arguments)["findings"]
        found = next((item for item in findings if item["id"] == identity), None)
        self.record("found", found is not None)
        assert found is not None, f"missed {identity}: {sorted(environment.finding_ids(*arguments))}"
        if cause is not None:
            right = cause in (found["cause"] or "")
            self.record("cause", right)
            assert right, found["cause"]
        return found

    def silent(self, environment: RealEnvironment, *arguments: str) -> None:
        """Doctor must have nothing to say."""
        findings = environment.doctor(*arguments)["findings"]
        self.record("false alarm", bool(findings))
        assert findings == []


@pytest.fixture
def verdict(record_property: Callable[[str, object], None]) -> Verdict:
    """The judge of a clobber test."""
    return Verdict(record_property)


@pytest.fixture
def conda_environment(environment: RealEnvironment) -> RealEnvironment:
    """The environment with the mark of a conda environment.

    It keeps its pyvenv.cfg: without, pip would install into the Python that it was made from.
    """
    (environment.path / "conda-meta").mkdir()
    return environment


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-in vendor release for this interpreter."""
    folder = tmp_path_factory.mktemp("release")
    write_release(folder, PYTHON)
    return folder


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, release: Path) -> Path:
    """A folder of wheels to install from: the release, an upstream torch, and distributions that require torch."""
    folder = tmp_path_factory.mktemp("wheels")
    for path in release.glob("*.whl"):
        (folder / path.name).write_bytes(path.read_bytes())
    write_wheel(make_upstream_torch(), folder)
    write_wheel(package("wants-newer", "1.0", ["torch>=2.0"]), folder)
    write_wheel(package("wants-any", "1.0", ["torch>=1.5"]), folder)
    write_wheel(package("harmless", "1.0", []), folder)
    return folder


def package(name: str, version: str, requires: list[str]) -> WheelContent:
    """A small distribution of no use but for what it requires."""
    module = name.replace("-", "_")
    return WheelContent(module, version, "py3-none-any", {f"{module}.py": b""}, "for tests", requires)


def real_shared_object() -> Path:
    """One of the interpreter's own; which of its modules are built in differs from build to build."""
    return min(Path(sysconfig.get_config_var("DESTSHARED")).glob("*.so"), key=lambda path: path.stat().st_size)


def other_release(folder: Path, version: str) -> Path:
    """The torch wheel of another vendor release, in a folder of its own below `folder`."""
    target = folder / version
    return write_wheel(make_release_contents(PYTHON, version)[0], target)


@pytest.fixture
def make_environment(
    tmp_path: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], RealEnvironment]:
    """Makes empty virtual environments, isolated from the configuration and the caches of whoever runs the tests."""

    def make(name: str) -> RealEnvironment:
        made = environment_in(tmp_path, wheels, tmp_path_factory.getbasetemp(), name)
        _make_virtual_environment(made.path)
        return made

    return make


def _make_virtual_environment(path: Path) -> None:
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


@pytest.fixture(scope="session")
def healthy_template(tmp_path_factory: pytest.TempPathFactory, wheels: Path, release: Path) -> Path:
    """A folder with a healthy environment and the store of its wheels, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    made = environment_in(folder, wheels, tmp_path_factory.getbasetemp())
    _make_virtual_environment(made.path)
    # By uv, which is quicker than pip by a second; pip's own work is tested apart.
    made.uv_install(f"torch=={TORCH}", "torchvision==0.8.2", "torchaudio==0.7.2")
    # What `envtool restore --vendor` does where nothing needs restoring; the command itself is tested apart.
    choice = select_from_sources(PYTHON, [FolderSource(release)], ReleaseFilter(), FileStore(folder / "store"))
    write_pin(read_prefix(made.path), choice.pin)
    return folder


@pytest.fixture
def environment(
    healthy_template: Path, wheels: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> RealEnvironment:
    """A healthy environment: the stand-in release installed, and pinned by hash."""
    for name in ("environment", "store"):
        shutil.copytree(healthy_template / name, tmp_path / name, symlinks=True)
    return environment_in(tmp_path, wheels, tmp_path_factory.getbasetemp())
