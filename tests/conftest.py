"""Real environments to damage and mend: virtual environments made by uv, filled by pip and uv from real wheels.

The vendor's wheels and the upstream torch are the stand-ins of `envtool.demo`; pip, uv and every record are real.
"""

from __future__ import annotations

import compileall
import os
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

import envtool
from envtool.demo.python_index import make_upstream_torch
from envtool.demo.vendor_release import write_release
from envtool.demo.wheel_writer import write_wheel
from envtool.environment.prefix import read_prefix
from envtool.release.release_filter import ReleaseFilter
from envtool.release.select import select_from_sources
from envtool.release.source.folder import FolderSource
from envtool.restore.apply import write_pin
from envtool.wheel.store import FileStore
from tests.support.distributions import package
from tests.support.environment import PYTHON, TORCH, RealEnvironment, environment_in, make_virtual_environment
from tests.support.groups_of_tests import GroupScheduling, find_group
from tests.support.injection import can_inject
from tests.support.verdict import Verdict

# Marks of tests that take seconds, or a minute.
_LONG = ("exhaustive", "interpreters")
# Characters of a parameter in a test's name.
_LONGEST_ID = 60


# The same examples in each run: what fails can be repeated, and a change is not blamed for another's. New ones are
# looked for by `make fuzz`.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Compile envtool once, as an installed tool is: hundreds of processes would else do it, where none may write.

    With HAC_REQUIRE_ROOT, as in CI, a run fails where it would leave out what takes root's rights or strace.
    """
    if os.environ.get("HAC_REQUIRE_ROOT") and not (os.geteuid() == 0 and can_inject()):
        raise pytest.UsageError("HAC_REQUIRE_ROOT is set, but this user is not root, or strace may not trace here")
    # Each time a whole disk would be waited for, and so for what all other tests write. `tests/faults` turns it on.
    os.environ["HAC_FSYNC"] = "off"
    # Where it is set, modes of files are of no account.
    os.environ.pop("CI", None)
    # Whoever runs the tests may read another language.
    os.environ["HAC_LANG"] = "en"
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(envtool.__file__).parent, quiet=1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling | None:
    """Ours for `--dist loadgroup`."""
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, so that at the end only short ones are waited for; first those that are groups."""
    items.sort(key=lambda item: (not _is_long(item), find_group(item.nodeid) is None))


def _is_long(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(mark) is not None for mark in _LONG)


def pytest_make_parametrize_id(val: object) -> str | None:
    """An id that says what a parameter is, where pytest would number it or take all of a long text."""
    if isinstance(val, str) and len(val) <= _LONGEST_ID and "\n" not in val:
        return None
    if not (isinstance(val, str | tuple | list | dict) or is_dataclass(val)):
        return None
    text = textwrap.shorten(str(val), _LONGEST_ID, placeholder="…")
    # An address, or the order of a set, would differ between the processes that tests are divided among.
    return None if " at 0x" in str(val) or "set({" in str(val) else text


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


@pytest.fixture
def make_environment(
    tmp_path: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], RealEnvironment]:
    """Makes empty virtual environments, isolated from the configuration and the caches of whoever runs the tests."""

    def make(name: str) -> RealEnvironment:
        made = environment_in(tmp_path, wheels, tmp_path_factory.getbasetemp(), name)
        make_virtual_environment(made.path)
        return made

    return make


@pytest.fixture(scope="session")
def healthy_template(tmp_path_factory: pytest.TempPathFactory, wheels: Path, release: Path) -> Path:
    """A folder with a healthy environment and the store of its wheels, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    made = environment_in(folder, wheels, tmp_path_factory.getbasetemp())
    make_virtual_environment(made.path)
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
