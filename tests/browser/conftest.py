"""Debian's chromium, driven by playwright; it is installed where it is missing and this is root's machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.report_pages import make_pages_once

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process has the browser, whatever the tests are divided by."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


def find_browser() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def install_browser() -> None:
    """Install Debian's; several processes at a time do it once."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    with open(Path(tempfile.gettempdir(), "hac-browser.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if find_browser() is not None:
            return
        variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", "-qq", *command], env=variables, capture_output=True, check=False, timeout=600)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser. Without one the tests are left out; with HAC_REQUIRE_BROWSER=1, as in CI, they fail."""
    if find_browser() is None:
        install_browser()
    program = find_browser()
    if program is None:
        if os.environ.get("HAC_REQUIRE_BROWSER"):
            pytest.fail("there is no chromium, and none can be installed here")
        pytest.skip("there is no chromium, and none can be installed here")
    with sync_playwright() as playwright:
        # Root's has no sandbox; it opens our own files only.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def pages(healthy_template: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each command, and its JSON beside it."""
    return make_pages_once(healthy_template, wheels, tmp_path_factory)
