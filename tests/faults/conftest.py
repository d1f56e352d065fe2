"""Environments in need of a restore, made once and copied for each fault."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from envtool.demo.vendor_release import make_release_contents
from envtool.demo.wheel_writer import write_wheel
from tests.support.distributions import package
from tests.support.environment import PYTHON, RealEnvironment, environment_in, make_virtual_environment
from tests.support.injection import calls_of, snapshot
from tests.support.scenario import Scenario
from tests.support.vendor_wheels import get_case, write_upstream_wheels, write_vendor_wheels

Prepare = Callable[[RealEnvironment], None]


def _scenario(
    base: Path, healthy: Path, wheels: Path, name: str, prepare: Prepare, arguments: tuple[str, ...], every: int = 1
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
    return Scenario(folder, wheels, arguments, calls, scenario.old, snapshot(copy.path), every)


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
def other_vendor(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Scenario:
    """Another vendor's torch that was replaced; its pin knows versions only, and a folder has its wheels."""
    folder = tmp_path_factory.mktemp("faults") / "other-vendor"
    vendor = folder / "vendor"
    write_vendor_wheels(get_case("rocm"), vendor)
    made = environment_in(folder, wheels, folder)
    (folder / "store").mkdir()
    make_virtual_environment(made.path)
    pinned = get_case("rocm").pinned
    made.uv_install("--no-deps", "--find-links", str(vendor), *(f"{name}=={text}" for name, text in pinned.items()))
    write_upstream_wheels(folder / "upstream")
    made.uv_install("--find-links", str(folder / "upstream"), "torch==2.13.0")
    assert made.doctor()["status"] == "damaged"
    scenario = Scenario(folder, wheels, ("--vendor", str(vendor)), (), snapshot(made.path), {})
    copy = scenario.copy()
    calls = calls_of(copy, *scenario.command(copy))
    assert copy.doctor("--deep")["findings"] == []
    assert (copy.site_packages / f"torch-{pinned['torch']}.dist-info").is_dir()
    return Scenario(folder, wheels, scenario.arguments, calls, scenario.old, snapshot(copy.path))


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory, healthy_template: Path, wheels: Path) -> Scenario:
    """A torch of which three files differ."""
    return _scenario(tmp_path_factory.mktemp("faults"), healthy_template, wheels, "changed", _changed, ())


def _replaced_with_unpacked_store(environment: RealEnvironment) -> None:
    """As above, and the store has the vendor's wheels unpacked, so that a restore makes links."""
    _replaced(environment)
    done = environment.here("vendor", "unpack", "--prefix", str(environment.path))
    assert done.status == 0, done.err


def _large(environment: RealEnvironment) -> None:
    """A torch large enough for several processes, with files for two shares, and one that is written back as it grows.

    No more files than that: each is a call more to break, and a hundred of them tell what a thousand would.
    """
    torch, *companions = make_release_contents(PYTHON)
    chance = random.Random(1)
    files = {f"torch/include/part_{number % 20}/{number}.h": chance.randbytes(2 << 10) for number in range(160)}
    files["torch/lib/libtorch_cpu.so"] = bytes(6 << 20) + chance.randbytes(3 << 20)
    files["torch/lib/libtorch_python.so"] = bytes(8 << 20)
    folder = environment.path.parent / "large"
    for content in (replace(torch, files={**torch.files, **files}), *companions):
        write_wheel(content, folder)
    done = environment.here("restore", "--prefix", str(environment.path), "--vendor", str(folder), "--force")
    assert done.status == 0, done.err
    _changed(environment)


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory, healthy_template: Path, wheels: Path) -> Scenario:
    """A torch that was replaced, and an unpacked store."""
    base = tmp_path_factory.mktemp("faults")
    return _scenario(base, healthy_template, wheels, "unpacked", _replaced_with_unpacked_store, ())


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory, healthy_template: Path, wheels: Path) -> Scenario:
    """A torch of many and large files, replaced as a whole."""
    base = tmp_path_factory.mktemp("faults")
    return _scenario(base, healthy_template, wheels, "large", _large, ("--force",), every=4)
