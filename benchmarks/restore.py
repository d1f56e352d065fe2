"""Restore of a real torch wheel, against pip and unzip.

The wheel is PyPI's torch 2.13.0 (CPU), with its version changed to the vendor's form: same 14,000 files, same bytes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from benchmarks.timing import Row, alternately, ratio_row
from envtool.vendor.record import RecordRow, parse_record, write_record

_TOOLS = Path(sys.executable).parent
UPSTREAM = "2.13.0"
VERSION = "2.13.0+cpu.moreh26.11.0"


def measure(folder: Path, wheel: Path, runs: int = 3) -> list[Row]:
    """Measure with the wheel, below `folder`."""
    prefix, target = folder / "environment", folder / "unzipped"
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    restore: list[str | Path] = [_TOOLS / "envtool", "restore", "--force", "--prefix", prefix]
    subprocess.run([*restore, "--vendor", wheel.parent], check=True, capture_output=True)
    pip: list[str | Path] = [
        prefix / "bin/pip",
        "install",
        "--quiet",
        "--force-reinstall",
        "--no-deps",
        "--no-index",
        wheel,
    ]
    peers: dict[str, list[str | Path]] = {"pip install --force-reinstall --no-deps": pip}
    if shutil.which("unzip"):
        peers["unzip"] = ["unzip", "-q", "-d", target, wheel]

    def before(_index: int) -> None:
        shutil.rmtree(target, ignore_errors=True)

    commands = [restore, *peers.values()]
    ours, *theirs = alternately(commands, runs, before=before, variables={"PIP_CONFIG_FILE": "/dev/null"})
    what = f"restore of a {wheel.stat().st_size / 1e6:.0f} MB torch wheel"
    return [
        ratio_row(what, ours, peer, times, None if peer == "unzip" else 0.5)
        for peer, times in zip(peers, theirs, strict=True)
    ]


def vendor_wheel(folder: Path) -> Path | None:
    """A real torch wheel under a vendor's version, or `None` where PyPI's cannot be had."""
    download: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        folder,
        f"torch=={UPSTREAM}",
    ]
    if subprocess.run(download, check=False).returncode != 0:
        print(f"torch {UPSTREAM} cannot be had, so the restore is not measured")
        return None
    found = next(folder.glob("torch-*.whl"))
    target = folder / "vendor" / f"torch-{VERSION}-{'-'.join(found.stem.split('-')[-3:])}.whl"
    target.parent.mkdir(exist_ok=True)
    if not target.exists():
        _rename_version(found, target)
    return target


def _rename_version(source: Path, target: Path) -> None:
    """Copy a wheel under another version: its `.dist-info`, METADATA and RECORD change, every other byte stays."""
    import hashlib

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
        new.writestr(f"{after}/RECORD", write_record([*rows, RecordRow(f"{after}/RECORD", None, None)]))
