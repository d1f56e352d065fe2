"""Environments in need of a restore, made once and copied for each fault."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from envtool.demo.wheel_writer import write_wheel
from tests.conftest import RealEnvironment, environment_in, package
from tests.faults.injection import Call, calls_of, snapshot


@dataclass(frozen=True)
class Scenario:
    """An environment that a restore changes: where it is, the arguments, its calls, and both states."""

    template: Path
    wheels: Path
    arguments: tuple[str, ...]
    calls: tuple[Call, ...]
    old: dict[str, bytes]
    new: dict[str, bytes]

    @property
    def is_of_files(self) -> bool:
        """Whether single files are mended, rather than folders exchanged."""
        return self.template.name == "changed"

    def copy(self) -> RealEnvironment:
        """A copy, always in the same folder, as commands bear their environment's path; the last copy goes."""
        folder = self.template.with_name(f"{self.template.name}-run")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ("environment", "store"):
            shutil.copytree(self.template / name, folder / name, symlinks=True)
        return environment_in(folder, self.wheels, folder)

    def command(self, environment: RealEnvironment) -> tuple[str, ...]:
        """The restore of a copy."""
        return ("restore", "--prefix", str(environment.path), *self.arguments)


Prepare = Callable[[RealEnvironment], None]


def _scenario(
    base: Path, healthy: Path, wheels: Path, name: str, prepare: Prepare, arguments: tuple[str, ...]
) -> Scenario:
    folder = base / name
    folder.mkdir()
    for part in ("environment", "store"):
        shutil.copytree(healthy / part, folder / part, symlinks=True)
    made = environment_in(folder, wheels, folder)
    prepare(made)
    assert made.doctor()["status"] != "healthy"
    scenario = Scenario(folder, wheels, arguments, (), snapshot(made.path), {})
    copy = scenario.copy()
    calls = calls_of(copy, *scenario.command(copy))
    assert copy.doctor("--deep")["findings"] == []
    return Scenario(folder, wheels, arguments, calls, scenario.old, snapshot(copy.path))


def _replaced(environment: RealEnvironment) -> None:
    """An upstream torch, CUDA wheels that only it wants, and what a broken-off pip leaves."""
    folder = environment.path.parent / "cuda"
    write_wheel(package("nvidia-cublas-cu12", "12.1", []), folder)
    environment.uv_install("--find-links", str(folder), "wants-newer", "nvidia-cublas-cu12")
    (environment.site_packages / "~orch").mkdir()
    (environment.site_packages / "~orch/old.py").write_text("")


def _changed(environment: RealEnvironment) -> None:
    """Three files: one missing, one of another size, one of the same size."""
    torch = environment.site_packages / "torch"
    (torch / "cuda.py").unlink()
    (torch / "version.py").write_text("")
    data = (torch / "__init__.py").read_bytes()
    (torch / "__init__.py").write_bytes(bytes(reversed(data)))


@pytest.fixture(scope="session")
def replaced(tmp_path_factory: pytest.TempPathFactory, healthy_template: Path, wheels: Path) -> Scenario:
    """A torch that was replaced."""
    return _scenario(tmp_path_factory.mktemp("faults"), healthy_template, wheels, "replaced", _replaced, ())


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory, healthy_template: Path, wheels: Path) -> Scenario:
    """A torch of which three files differ."""
    return _scenario(tmp_path_factory.mktemp("faults"), healthy_template, wheels, "changed", _changed, ())
