"""Restore of a real torch wheel, against pip, uv and unzip."""

from __future__ import annotations

import os
import shutil
import statistics
import struct
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from benchmarks.commands import Command, run_command
from benchmarks.environments import TOOLS
from benchmarks.timing import Row, make_peak_row, make_ratio_row, time_alternately

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace


@dataclass(frozen=True, kw_only=True)
class _Commands:
    """What is measured, on one environment."""

    wheel: Path
    prefix: Path
    restore: Sequence[str | Path]
    pip: Sequence[str | Path]
    uv: Sequence[str | Path]

    @property
    def force(self) -> Sequence[str | Path]:
        """All of torch anew."""
        return [*self.restore, "--force"]


def measure(workplace: Workplace, report: Report) -> None:
    """All of torch, three files of it, and from an unpacked store."""
    commands = _make(workplace.folder / "restore", workplace.wheel)
    with report.attempt("restore of all of torch, and of three files"):
        pip = _measure_whole(commands, report)
        report.add([_measure_repair(commands, pip)])
    with report.attempt("restore from an unpacked store"):
        report.add([_measure_unpacked(commands)])
    with report.attempt("restore, peak memory"):
        report.add([make_peak_row("restore, peak memory", commands.force, 150.0)])


def _make(folder: Path, wheel: Path) -> _Commands:
    """A virtual environment below `folder` with the torch of `wheel`, pinned."""
    prefix = folder / "environment"
    run_command([sys.executable, "-m", "venv", prefix])
    restore: list[str | Path] = [TOOLS / "envtool", "restore", "--prefix", prefix]
    run_command([*restore, "--vendor", wheel.parent])
    pip: list[str | Path] = [prefix / "bin/pip", "install", "--quiet", "--force-reinstall", "--no-deps", "--no-index"]
    uv: list[str | Path] = [TOOLS / "uv", "pip", "install", "--quiet", "--python", prefix / "bin/python", "--no-deps"]
    return _Commands(wheel=wheel, prefix=prefix, restore=restore, pip=[*pip, wheel], uv=[*uv, "--reinstall"])


def _measure_whole(commands: _Commands, report: Report, runs: int = 3) -> list[float]:
    """All of torch anew; the seconds that pip takes for it."""
    wheel, target = commands.wheel, commands.prefix.with_name("unzipped")
    peers: dict[str, tuple[Command, float | None]] = {
        "pip install --force-reinstall --no-deps": (commands.pip, 0.3),
        "uv pip install --reinstall --no-cache": ([*commands.uv, "--no-cache", "--no-index", wheel], 0.85),
    }
    if shutil.which("unzip"):
        peers["unzip"] = (["unzip", "-q", "-d", target, wheel], 0.5)

    def before(_index: int) -> None:
        shutil.rmtree(target, ignore_errors=True)
        # What the last one left for the disk to do is not this one's.
        os.sync()

    measured = [["env", "HAC_FSYNC=off", *commands.force], commands.force, *(words for words, _limit in peers.values())]
    unsynced, synced, *others = time_alternately(
        measured, runs, before=before, variables={"PIP_CONFIG_FILE": "/dev/null"}
    )
    what = f"restore of a {wheel.stat().st_size / 1e6:.0f} MB torch wheel"
    rows = []
    for (peer, (_words, limit)), theirs in zip(peers.items(), others, strict=True):
        rows.append(make_ratio_row(f"{what}, synced (default)", synced, peer, theirs, limit))
        rows.append(make_ratio_row(f"{what}, no fsync", unsynced, peer, theirs, None))
    report.add(rows)
    report.add_text(
        _measure_physical_limit(commands.prefix.parent, wheel, statistics.median(unsynced), statistics.median(synced))
    )
    return others[0]


def _measure_repair(commands: _Commands, pip: list[float]) -> Row:
    """Three files of thousands changed in place, against as many runs of pip."""
    torch = next(commands.prefix.glob("lib/python*/site-packages/torch"))
    files = sorted(torch.glob("*.py"))[:3]

    def damage(_index: int) -> None:
        for path in files:
            path.write_text("")

    (ours,) = time_alternately([commands.restore], len(pip), before=damage)
    return make_ratio_row("repair of 3 files", ours, "pip install --force-reinstall", pip, 0.1)


def _measure_unpacked(commands: _Commands, runs: int = 9) -> Row:
    """From a copy that is kept unpacked on the same file system, against uv from its cache; both make hard links.

    uv takes our links away each time, so that ours hashes every file (decision 24).
    """
    prefix = commands.prefix
    unpack: list[str | Path] = [TOOLS / "envtool", "vendor", "unpack", "--prefix", prefix]
    # Else a store elsewhere would make it a copy.
    variables = {"HAC_STORE": str(prefix.with_name("store")), "UV_CACHE_DIR": str(prefix.with_name("uv-cache"))}
    run_command([*unpack, "--vendor", commands.wheel.parent], variables=variables)
    # Half a second each: more of them cost little, and even out what the disk still has to do for earlier ones.
    ours, theirs = time_alternately(
        [commands.force, [*commands.uv, "--no-index", commands.wheel]],
        runs,
        before=lambda _index: os.sync(),
        variables=variables,
    )
    return make_ratio_row("restore from an unpacked store", ours, "uv pip install --reinstall, warm", theirs, 4.0)


def _measure_physical_limit(folder: Path, wheel: Path, unsynced: float, synced: float) -> str:
    """What the parts take by themselves: to inflate on all cores, to write as one file, to bring that to the disk."""
    from isal import isal_zlib as inflater

    with zipfile.ZipFile(wheel) as archive:
        members = [item for item in archive.infolist() if item.compress_type == zipfile.ZIP_DEFLATED]
    with wheel.open("rb") as stream:
        packed = [_measure_raw(stream, item) for item in members]
    size = sum(item.file_size for item in members)
    start = time.perf_counter()
    for data in packed:
        inflater.decompress(data, -15)
    inflate = (time.perf_counter() - start) / (os.cpu_count() or 1)
    block = bytes(1 << 20)
    start = time.perf_counter()
    with open(folder / "written", "wb") as written:
        for _ in range(size >> 20):
            written.write(block)
        write = time.perf_counter() - start
        os.fsync(written.fileno())
        sync = time.perf_counter() - start - write
    (folder / "written").unlink()
    return (
        f"restore, the physical limit for {size / 1e6:.0f} MB: inflate on all cores {inflate:.2f} s, "
        f"write one file {write:.2f} s, bring it to the disk {sync:.2f} s; "
        f"measured {unsynced:.2f} s unsynced ({unsynced / (inflate + write):.1f} x), "
        f"{synced:.2f} s synced ({synced / (inflate + write + sync):.1f} x)"
    )


def _measure_raw(stream: BinaryIO, item: zipfile.ZipInfo) -> bytes:
    """A member's data as they are packed."""
    stream.seek(item.header_offset + 26)
    name, extra = struct.unpack("<HH", stream.read(4))
    stream.seek(item.header_offset + 30 + name + extra)
    return stream.read(item.compress_size)
