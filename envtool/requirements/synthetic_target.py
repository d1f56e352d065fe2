"""An environment that is not there: the vendor's distributions alone, for CI and pre-commit on any machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from envtool.environment.distribution import Distribution
from envtool.requirements.target import Target
from envtool.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin


@contextmanager
def synthetic_target(pin: VendorPin, python: str) -> Iterator[Target]:
    """A target that holds the pinned distributions and nothing else, for as long as the context lasts.

    Its records are those of PyPA "Recording installed projects", and list no files.
    """
    with temporary_folder() as folder:
        installed = {}
        for item in pin.distributions:
            records = folder / f"{item.name}-{item.version}.dist-info"
            installed[item.name] = Distribution(item.name, item.version, records)
            records.mkdir()
            (records / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {item.name}\nVersion: {item.version}\n")
            (records / "INSTALLER").write_text("hac-envtool\n")
            (records / "RECORD").write_text(f"{records.name}/METADATA,,\n{records.name}/RECORD,,\n")
        # Whose file is held against it may have to read it.
        for path in (*folder.rglob("*"), folder):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield Target(pin=pin, python=python, folder=folder, installed=installed)
