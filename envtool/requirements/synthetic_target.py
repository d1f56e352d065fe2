"""An environment that is not there: the vendor's distributions alone, for CI and pre-commit on any machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.requirements.target import Target

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin


@dataclass(frozen=True)
class SyntheticDistribution:
    """A distribution of which the name and the version are all that is known."""

    name: str
    version: str

    def requires(self) -> tuple[str, ...]:
        """Nothing: its metadata is not at hand."""
        return ()


@contextmanager
def synthetic_target(pin: VendorPin, python: str) -> Iterator[Target]:
    """A target that holds the pinned distributions and nothing else, for as long as the context lasts.

    Its records are those of PyPA "Recording installed projects", and list no files.
    """
    with tempfile.TemporaryDirectory(prefix="hac-assumed-") as text:
        folder = Path(text)
        installed = {item.name: SyntheticDistribution(item.name, item.version) for item in pin.distributions}
        for item in installed.values():
            records = folder / f"{item.name}-{item.version}.dist-info"
            records.mkdir()
            (records / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {item.name}\nVersion: {item.version}\n")
            (records / "INSTALLER").write_text("hac-envtool\n")
            (records / "RECORD").write_text(f"{records.name}/METADATA,,\n{records.name}/RECORD,,\n")
        yield Target(pin=pin, python=python, folder=folder, installed=installed)
