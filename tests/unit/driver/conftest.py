"""Stand-ins for the accelerator's own programs, found first on PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.driver.ask import TIME_LIMIT, DriverQuery, QueryResult
from tests.support.driver_programs import PATIENCE, DriverPrograms


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DriverPrograms:
    """A folder of stand-ins, which is on PATH for the time of the test."""
    read_result = DriverQuery.read_result

    def read_patiently(query: DriverQuery, time_limit: float = TIME_LIMIT) -> QueryResult:
        """On a machine that does other things, the seconds that a person is kept waiting may be too few."""
        return read_result(query, max(time_limit, PATIENCE))

    monkeypatch.setattr(DriverQuery, "read_result", read_patiently)
    folder = tmp_path / "programs"
    folder.mkdir()
    made = DriverPrograms(folder)
    monkeypatch.setenv("PATH", made.variables["PATH"])
    return made
