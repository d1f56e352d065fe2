"""An environment in need of a restore, to be copied for each fault."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.environment import RealEnvironment, environment_in
from tests.support.injection import Call


@dataclass(frozen=True)
class Scenario:
    """An environment that a restore changes: where it is, the arguments, its calls, both states, which calls count."""

    template: Path
    wheels: Path
    arguments: tuple[str, ...]
    calls: tuple[Call, ...]
    old: dict[str, bytes]
    new: dict[str, bytes]
    every: int = 1

    @property
    def points(self) -> tuple[Call, ...]:
        """The calls to break: all of them, or every so many where a restore takes long."""
        return self.calls[:: self.every]

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
        environment = environment_in(folder, self.wheels, folder)
        environment.variables["HAC_FSYNC"] = "on"
        return environment

    def command(self, environment: RealEnvironment) -> tuple[str, ...]:
        """The restore of a copy."""
        return ("restore", "--prefix", str(environment.path), *self.arguments)
