"""The tables that the default profile's programs print, in the forms that the releases 0.8 to 25.5 are known to print.

A line may come first that gives the time. The heading gives `Client Version` and `Server Version`, from 24 on
`Current Version` and `Latest Version`, from 25.4 on, with a blank before the colon, the versions of the platform and of
the framework. The columns are found by their names, so that a release may have fewer or more. With several accelerators
a `*` marks the one that programs get; releases before 22.10 mark none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from envtool.release.read_profile import load_default_profile

_VERSION = re.compile(
    r"\b(Client|Server|Current|Latest|MoAI Framework|Accelerator platform) Version[ \t]*:[ \t]*v?"
    r"([0-9][0-9A-Za-z.+-]*)",
    re.IGNORECASE,
)
# What each release calls a column, and what it is called here.
_COLUMNS = {
    "#": "device",
    "flavor": "model",
    "flavour": "model",
    "mem usage": "memory usage",
    "gpu util": "utilization",
    "gpu utilization": "utilization",
    "jobid": "job id",
    "command": "process",
}
_DEVICE_COLUMNS = frozenset({"device", "name", "model"})
_JOB_COLUMNS = frozenset({"device", "pid"})
# What a cell has where there is nothing to say.
_NOTHING = frozenset({"", "-", "N/A"})
_MARK = "*"


@dataclass(frozen=True, kw_only=True)
class Device:
    """One accelerator. Its token is a secret and is not kept.

    `id` is the number that the jobs' table and the variable that chooses devices call it by. The last three are as
    the program prints them, with their unit, and empty where it does not say.
    """

    name: str
    model: str
    is_active: bool
    id: str = ""
    memory: str = ""
    total_memory: str = ""
    utilization: str = ""

    @property
    def has_model(self) -> bool:
        """Whether there is an accelerator behind the row."""
        return self.model not in _NOTHING


@dataclass(frozen=True, kw_only=True)
class Job:
    """A process that uses the accelerator. `pid` is `None` where the table shows no number."""

    device: str
    id: str
    pid: int | None
    process: str
    memory: str = ""


@dataclass(frozen=True, kw_only=True)
class DriverTable:
    """What the program printed. A version is `None` where the heading has none of that kind.

    `platform` is the version of what runs on the other side, which is no release of the framework.
    """

    title: str | None
    client: str | None
    server: str | None
    current: str | None
    latest: str | None
    devices: tuple[Device, ...]
    jobs: tuple[Job, ...]
    platform: str | None = None

    @property
    def version(self) -> str | None:
        """The release that is installed here."""
        return self.client or self.current or self.title

    @property
    def active_devices(self) -> tuple[Device, ...]:
        """The accelerator that programs get; of releases that mark none, all that have a model."""
        return tuple(device for device in self.devices if device.is_active)


@lru_cache(maxsize=1)
def _make_title_pattern() -> re.Pattern[str]:
    """How the table's title, which is the program's name, tells the release."""
    names = "|".join(map(re.escape, load_default_profile().driver.programs))
    return re.compile(rf"\b(?:{names})\s+([0-9][0-9A-Za-z.+-]*)", re.IGNORECASE)


def parse_table(text: str) -> DriverTable | None:
    """Read the output of the program, or `None` where it has neither versions nor a table of devices."""
    versions = {kind.lower(): value for kind, value in _VERSION.findall(text)}
    title = _make_title_pattern().search(text)
    devices: list[Device] = []
    jobs: list[Job] = []
    has_devices = False
    for columns, row in _read_rows(text):
        is_of_jobs = columns >= _JOB_COLUMNS
        has_devices = has_devices or not is_of_jobs
        if row is None:
            continue
        if is_of_jobs:
            jobs.append(_read_job(row))
        else:
            devices.append(_read_device(row))
    if not versions and not has_devices:
        return None
    return DriverTable(
        title=title[1] if title else None,
        client=versions.get("client"),
        server=versions.get("server"),
        current=versions.get("current") or versions.get("moai framework"),
        latest=versions.get("latest"),
        devices=_mark_active(devices),
        jobs=tuple(jobs),
        platform=versions.get("accelerator platform"),
    )


def _read_rows(text: str) -> Iterator[tuple[frozenset[str], dict[str, str] | None]]:
    """Each row with the names of its table's columns; `None` in the place of a row for the heading itself."""
    columns: list[str] = []
    for line in text.splitlines():
        cells = _split_cells(line)
        if cells is None:
            continue
        names = [_name_column(cell) for cell in cells]
        if set(names) >= _DEVICE_COLUMNS or set(names) >= _JOB_COLUMNS:
            columns = names
            yield frozenset(columns), None
        elif columns and len(cells) >= len(columns):
            fitted = _fit_cells(line, cells, columns)
            if fitted is not None:
                yield frozenset(columns), dict(zip(columns, fitted, strict=True))


def _name_column(heading: str) -> str:
    name = heading.lower().removesuffix("(%)").strip()
    return _COLUMNS.get(name, name)


def _split_cells(line: str) -> list[str] | None:
    text = line.strip()
    if len(text) < 2 or not (text.startswith("|") and text.endswith("|")):
        return None
    return [cell.strip() for cell in text[1:-1].split("|")]


def _fit_cells(line: str, cells: Sequence[str], columns: Sequence[str]) -> Sequence[str] | None:
    """As many cells as columns. A command may have bars of its own: what is too many belongs to it."""
    extra = len(cells) - len(columns)
    if extra == 0:
        return cells
    if "process" not in columns:
        return None
    first = columns.index("process")
    raw = line.strip()[1:-1].split("|")
    command = "|".join(raw[first : first + extra + 1]).strip()
    return [*cells[:first], command, *cells[first + extra + 1 :]]


def _read_device(row: Mapping[str, str]) -> Device:
    return Device(
        name=row["name"],
        model=row["model"],
        # Until all rows are known, only whether this one is marked.
        is_active=_MARK in row["device"],
        id=row["device"].replace(_MARK, "").strip(),
        memory=_read_value(row, "memory usage"),
        total_memory=_read_value(row, "total memory"),
        utilization=_read_value(row, "utilization"),
    )


def _read_value(row: Mapping[str, str], column: str) -> str:
    value = row.get(column, "")
    return "" if value in _NOTHING else value


def _mark_active(devices: Sequence[Device]) -> tuple[Device, ...]:
    if any(device.is_active for device in devices):
        return tuple(devices)
    return tuple(replace(device, is_active=device.has_model) for device in devices)


def _read_job(row: Mapping[str, str]) -> Job:
    pid = row["pid"]
    return Job(
        device=row["device"].replace(_MARK, "").strip(),
        id=row.get("job id", ""),
        pid=int(pid) if pid.isascii() and pid.isdigit() and len(pid) < 10 else None,
        process=row.get("process", ""),
        memory=_read_value(row, "memory usage"),
    )
