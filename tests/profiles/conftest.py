"""Environments of ten vendors, of stand-in wheels that real installers put in place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.environment import RealEnvironment, environment_in, make_virtual_environment
from tests.support.vendor_wheels import CASES, get_case, write_upstream_wheels, write_vendor_wheels

MakeVendor = Callable[[str], RealEnvironment]


@pytest.fixture(scope="session")
def upstream_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an index has."""
    folder = tmp_path_factory.mktemp("upstream")
    write_upstream_wheels(folder)
    return folder


@pytest.fixture(scope="session")
def vendor_wheels(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder with a vendor's wheels, by its profile."""

    @functools.cache
    def write(profile: str) -> Path:
        folder = tmp_path_factory.mktemp(profile)
        write_vendor_wheels(get_case(profile), folder)
        return folder

    return write


@pytest.fixture
def make_vendor(
    tmp_path: Path,
    upstream_wheels: Path,
    vendor_wheels: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> MakeVendor:
    """Makes a vendor's environment; what it installs afterwards comes from upstream's wheels."""

    def make(profile: str) -> RealEnvironment:
        case = get_case(profile)
        made = environment_in(tmp_path, upstream_wheels, tmp_path_factory.getbasetemp(), f"{profile}-environment")
        made.variables["HAC_PROFILE"] = profile if case.named else ""
        monkeypatch.setenv("HAC_PROFILE", made.variables["HAC_PROFILE"])
        make_virtual_environment(made.path)
        lines = [f"{name}=={version}" for name, version in case.pinned.items()]
        made.uv_install("--no-deps", "--find-links", str(vendor_wheels(profile)), *lines)
        return made

    return make


PROFILES = [case.profile for case in CASES if case.profile != "hac"]
