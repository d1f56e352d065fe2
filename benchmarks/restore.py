"""Restore of a real torch wheel, against pip, uv and unzip.

The wheel is PyPI's torch 2.13.0 (CPU), with its version changed to the vendor's form: same 14,000 files, same bytes.
"""

from __future__ import annotations

import os
import shutil
import statistics
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.timing import Command, Row, alternately, peak_row, ratio_row
from envtool.wheel.record import RecordRow, parse_record, render_record

_TOOLS = Path(sys.executable).parent
UPSTREAM = "2.13.0"
VERSION = "2.13.0+cpu.moreh26.11.0"


def measure(folder: Path, wheel: Path, runs: int = 3) -> tuple[list[Row], str]:
    """Measure with the wheel, below `folder`: the rows, and what is said of the physical limit."""
    prefix, target = folder / "environment", folder / "unzipped"
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    restore: list[str | Path] = [_TOOLS / "envtool", "restore", "--prefix", prefix]
    subprocess.run([*restore, "--vendor", wheel.parent], check=True, capture_output=True)
    force = [*restore, "--force"]
    pip: list[str | Path] = [prefix / "bin/pip", "install", "--quiet", "--force-reinstall", "--no-deps", "--no-index"]
    uv: list[str | Path] = [_TOOLS / "uv", "pip", "install", "--quiet", "--python", prefix / "bin/python", "--no-deps"]
    peers: dict[str, tuple[list[str | Path], float | None]] = {
        "pip install --force-reinstall --no-deps": ([*pip, wheel], 0.3),
        "uv pip install --reinstall --no-cache": ([*uv, "--reinstall", "--no-cache", "--no-index", wheel], 0.85),
    }
    if shutil.which("unzip"):
        peers["unzip"] = (["unzip", "-q", "-d", target, wheel], 0.5)

    def before(_index: int) -> None:
        shutil.rmtree(target, ignore_errors=True)
        # What the last one left for the disk to do is not this one's.
        os.sync()

    commands: list[Command] = [["env", "HAC_FSYNC=off", *force], force, *(words for words, _limit in peers.values())]
    times = alternately(commands, runs, before=before, variables={"PIP_CONFIG_FILE": "/dev/null"})
    what = f"restore of a {wheel.stat().st_size / 1e6:.0f} MB torch wheel"
    rows = []
    for (peer, (_words, limit)), theirs in zip(peers.items(), times[2:], strict=True):
        rows.append(ratio_row(f"{what}, synced (default)", times[1], peer, theirs, limit))
        rows.append(ratio_row(f"{what}, no fsync", times[0], peer, theirs, None))
    rows += _repair(restore, prefix, times[2], runs)
    rows.append(_unpacked(force, uv, wheel, prefix, runs))
    rows.append(peak_row("restore, peak memory", force, 150.0))
    return rows, _physical_limit(folder, wheel, statistics.median(times[0]), statistics.median(times[1]))


def _repair(restore: Sequence[str | Path], prefix: Path, pip: list[float], runs: int) -> list[Row]:
    """Three files of thousands changed in place."""
    torch = next(prefix.glob("lib/python*/site-packages/torch"))
    files = sorted(torch.glob("*.py"))[:3]

    def damage(_index: int) -> None:
        for path in files:
            path.write_text("")

    (ours,) = alternately([restore], runs, before=damage)
    return [ratio_row("repair of 3 files", ours, "pip install --force-reinstall", pip, 0.1)]


def _unpacked(force: Command, uv: Command, wheel: Path, prefix: Path, runs: int) -> Row:
    """From a copy that is kept unpacked on the same file system, against uv from its cache; both make hard links."""
    unpack: list[str | Path] = [_TOOLS / "envtool", "vendor", "unpack", "--prefix", prefix]
    # Else a store elsewhere would make it a copy.
    variables = {"HAC_STORE": str(prefix.with_name("store")), "UV_CACHE_DIR": str(prefix.with_name("uv-cache"))}
    environment = {**os.environ, **variables}
    subprocess.run([*unpack, "--vendor", wheel.parent], check=True, capture_output=True, env=environment)
    commands: list[Command] = [force, [*uv, "--reinstall", "--no-index", wheel]]
    # Half a second each: more of them cost little, and even out what the disk still has to do for earlier ones.
    ours, theirs = alternately(commands, 3 * runs, before=lambda _index: os.sync(), variables=variables)
    return ratio_row("restore from an unpacked store", ours, "uv pip install --reinstall, warm", theirs, 1.8)


def _physical_limit(folder: Path, wheel: Path, unsynced: float, synced: float) -> str:
    """What the parts take by themselves: to inflate on all cores, to write as one file, to bring that to the disk."""
    from isal import isal_zlib as inflater

    with zipfile.ZipFile(wheel) as archive:
        members = [item for item in archive.infolist() if item.compress_type == zipfile.ZIP_DEFLATED]
        packed = [_raw(archive, item) for item in members]
    size = sum(item.file_size for item in members)
    start = time.perf_counter()
    for data in packed:
        inflater.decompress(data, -15)
    inflate = (time.perf_counter() - start) / (os.cpu_count() or 1)
    block = bytes(1 << 20)
    start = time.perf_counter()
    with open(folder / "written", "wb") as stream:
        for _ in range(size >> 20):
            stream.write(block)
        write = time.perf_counter() - start
        os.fsync(stream.fileno())
        sync = time.perf_counter() - start - write
    (folder / "written").unlink()
    return (
        f"restore, the physical limit for {size / 1e6:.0f} MB: inflate on all cores {inflate:.2f} s, "
        f"write one file {write:.2f} s, bring it to the disk {sync:.2f} s; "
        f"measured {unsynced:.2f} s unsynced ({unsynced / (inflate + write):.1f} x), "
        f"{synced:.2f} s synced ({synced / (inflate + write + sync):.1f} x)"
    )


def _raw(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> bytes:
    """A member's data as they are packed."""
    assert archive.fp is not None
    archive.fp.seek(item.header_offset + 26)
    name, extra = struct.unpack("<HH", archive.fp.read(4))
    archive.fp.seek(item.header_offset + 30 + name + extra)
    return archive.fp.read(item.compress_size)


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
        new.writestr(f"{after}/RECORD", render_record([*rows, RecordRow(f"{after}/RECORD", None, None)]))
