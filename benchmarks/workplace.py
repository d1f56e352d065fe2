"""Where a run works, and what several groups of rows measure on."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from unittest.mock import patch

from benchmarks.commands import run_command
from benchmarks.environments import REAL, TOOLS, make_environment
from benchmarks.real_torch import make_vendor_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Workplace:
    """A folder of a run, which is empty at first and removed at the end, beside the checkout that is measured."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.project = project
        self.folder = folder

    @cached_property
    def wheel(self) -> Path:
        """A real torch wheel under a vendor's version. Raises `CommandError` where PyPI's cannot be had."""
        return make_vendor_wheel(self.folder)

    @cached_property
    def environment(self) -> Path:
        """An environment of 300 distributions, a hundred of them real, with the torch of `wheel`."""
        return make_environment(self.folder / "300", 300, torch=self.wheel, real=REAL)

    @contextmanager
    def variables(self, *, engine: bool) -> Iterator[None]:
        """Caches and store of this run's own; with an engine its address, and the store that images are made from."""
        values = {"XDG_CACHE_HOME": f"{self.folder}/cache"}
        if engine:
            started = run_command([TOOLS / "envtool", "engine", "start"], folder=self.project)
            values |= {"HAC_STORE": f"{self.project}/.work/store", "DOCKER_HOST": started.stdout.strip()}
        else:
            # pip keeps gigabytes there while it looks. With an engine, apt's own user has to reach it as well.
            temporary = self.folder / "temporary"
            temporary.mkdir(exist_ok=True)
            values |= {"HAC_STORE": f"{self.folder}/store", "TMPDIR": str(temporary)}
        with patch.dict("os.environ", values):
            yield
