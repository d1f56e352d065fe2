"""Holds doctor to the truth about a damage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.environment import RealEnvironment


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
