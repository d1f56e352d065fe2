"""A real torch wheel: PyPI's, with its version changed to the vendor's form. Same 14,000 files, same bytes."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from typing import TYPE_CHECKING

from benchmarks.commands import run_command
from envtool.wheel.record import RecordRow, parse_record, render_record

if TYPE_CHECKING:
    from pathlib import Path

UPSTREAM = "2.13.0"
VERSION = "2.13.0+cpu.moreh26.11.0"


def make_vendor_wheel(folder: Path) -> Path:
    """Download torch into `folder` and rename its version. Raises `CommandError`."""
    download: list[str | Path] = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    run_command([*download, f"torch=={UPSTREAM}"])
    found = next(folder.glob("torch-*.whl"))
    target = folder / "vendor" / f"torch-{VERSION}-{'-'.join(found.stem.split('-')[-3:])}.whl"
    target.parent.mkdir(exist_ok=True)
    _rename_version(found, target)
    return target


def _rename_version(source: Path, target: Path) -> None:
    """Copy a wheel under another version: its `.dist-info`, METADATA and RECORD change, every other byte stays."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        before = next(name for name in old.namelist() if name.endswith(".dist-info/RECORD")).split("/")[0]
        after = f"torch-{VERSION}.dist-info"
        rows = []
        for row in parse_record(old.read(f"{before}/RECORD")).rows:
            data = old.read(row.path)
            path = row.path.replace(before, after)
            if path == f"{after}/METADATA":
                version = before.removeprefix("torch-").removesuffix(".dist-info")
                data = data.replace(f"\nVersion: {version}\n".encode(), f"\nVersion: {VERSION}\n".encode())
            if path != f"{after}/RECORD":
                rows.append(RecordRow(path, hashlib.sha256(data).hexdigest(), len(data)))
                info = zipfile.ZipInfo(path, old.getinfo(row.path).date_time)
                info.external_attr = old.getinfo(row.path).external_attr
                new.writestr(info, data, zipfile.ZIP_DEFLATED)
        new.writestr(f"{after}/RECORD", render_record([*rows, RecordRow(f"{after}/RECORD", None, None)]))
