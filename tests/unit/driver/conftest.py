"""Stand-ins for the accelerator's own programs, found first on PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.driver_programs import DriverPrograms


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DriverPrograms:
    """A folder of stand-ins, which is on PATH for the time of the test."""
    folder = tmp_path / "programs"
    folder.mkdir()
    made = DriverPrograms(folder)
    monkeypatch.setenv("PATH", made.variables["PATH"])
    return made
