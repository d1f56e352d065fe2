"""Wheels of nothing but metadata, so that uv takes what is installed for a candidate that it may name."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.temporary_folder import temporary_folder
from envtool.transaction.owner import lend

if TYPE_CHECKING:
    from envtool.requirements.target import Target


@contextmanager
def stub_wheels(target: Target, names: Collection[str] | None = None) -> Iterator[str]:
    """A folder with one for each installed distribution, or for each of `names`. STAND-INS: they are never installed.

    Format: PyPA specifications, "Binary distribution format".
    """
    with temporary_folder() as folder:
        _write(target, folder, names)
        lend(target.owner, folder)
        yield str(folder)


def _write(target: Target, folder: Path, names: Collection[str] | None) -> None:
    for item in target.installed.values():
        if names is not None and item.name not in names:
            continue
        stem = f"{item.name.replace('-', '_')}-{item.version}"
        metadata = f"Metadata-Version: 2.1\nName: {item.name}\nVersion: {item.version}\n"
        metadata += "".join(f"Requires-Dist: {line}\n" for line in item.requires())
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{stem}.dist-info/METADATA", metadata)
            archive.writestr(f"{stem}.dist-info/WHEEL", wheel)
            archive.writestr(f"{stem}.dist-info/RECORD", "")
