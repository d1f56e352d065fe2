"""Where a restore's new files come from: wheels that were read, or what is laid out ahead already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envtool.restore.ahead import Ahead, IncomingDistribution
from envtool.transaction.move import Move
from envtool.wheel.contents import WheelContents, bind_progress
from envtool.wheel.layout import Layout, stage_wheel


@dataclass(frozen=True)
class Supply:
    """The wheels by their distributions' names, and what is laid out ahead, which needs none."""

    contents: Mapping[str, WheelContents]
    ahead: Ahead | None = None

    def coming(self, name: str) -> IncomingDistribution:
        """What the new distribution will be."""
        if name in self.contents:
            found = self.contents[name]
            return IncomingDistribution(found.size, found.wheel.sha256, found.requires)
        assert self.ahead is not None
        return self.ahead.coming[name]

    def stage(
        self, name: str, layout: Layout, staging: Path, progress: Callable[[str, int, int], None]
    ) -> tuple[Move, ...]:
        """Lay a whole distribution out below `staging` and return the steps that put it in place.

        `progress` is told of a name, bytes written and bytes in all. Raises as `stage_wheel` does, and `RestoreError`
        where a process was killed.
        """
        size = self.coming(name).size
        report = bind_progress(name, size, progress)
        if name in self.contents:
            return stage_wheel(self.contents[name], layout, staging, requested=True, progress=report)
        assert self.ahead is not None
        places = self.ahead.places(name)
        report(size)
        return places
