"""The tables that `moreh-smi` and `ap-smi` print, in the forms that the releases 0.8 to 25.4 are known to print.

A line may come first that gives the time. The heading gives `Client Version` and `Server Version`, from 24 on
`Current Version` and `Latest Version`. The columns are found by their names, so that a release may have fewer or more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r"(Client|Server|Current|Latest) Version:\s*([0-9][0-9A-Za-z.+-]*)")
_TITLE = re.compile(r"\b(?:Moreh|AP)-SMI\s+([0-9][0-9A-Za-z.+-]*)", re.IGNORECASE)
_DEVICE_COLUMNS = frozenset({"device", "name", "model"})
_JOB_COLUMNS = frozenset({"device", "pid", "process"})


@dataclass(frozen=True)
class Device:
    """One accelerator. Its token is a secret and is not kept."""

    name: str
    model: str
    is_active: bool


@dataclass(frozen=True)
class Job:
    """A process that uses the accelerator. `pid` is `None` where the table shows no number."""

    device: str
    id: str
    pid: int | None
    process: str


@dataclass(frozen=True, kw_only=True)
class DriverTable:
    """What the program printed. A version is `None` where the heading has none of that kind."""

    title: str | None
    client: str | None
    server: str | None
    current: str | None
    latest: str | None
    devices: tuple[Device, ...]
    jobs: tuple[Job, ...]

    @property
    def version(self) -> str | None:
        """The release that is installed here."""
        return self.client or self.current or self.title


def parse_table(text: str) -> DriverTable | None:
    """Read the output of the program, or `None` where it has neither versions nor a table of devices."""
    versions = {kind.lower(): value for kind, value in _VERSION.findall(text)}
    title = _TITLE.search(text)
    devices: list[Device] = []
    jobs: list[Job] = []
    columns: list[str] = []
    has_devices = False
    for line in text.splitlines():
        cells = _split_cells(line)
        if cells is None:
            continue
        names = [cell.lower() for cell in cells]
        if set(names) >= _DEVICE_COLUMNS or set(names) >= _JOB_COLUMNS:
            columns = names
            has_devices = has_devices or set(names) >= _DEVICE_COLUMNS
        elif columns and len(cells) == len(columns):
            row = dict(zip(columns, cells, strict=True))
            if "pid" in row:
                jobs.append(_read_job(row))
            else:
                devices.append(_read_device(row))
    if not versions and not has_devices:
        return None
    return DriverTable(
        title=title[1] if title else None,
        client=versions.get("client"),
        server=versions.get("server"),
        current=versions.get("current"),
        latest=versions.get("latest"),
        devices=tuple(devices),
        jobs=tuple(jobs),
    )


def _split_cells(line: str) -> list[str] | None:
    text = line.strip()
    if len(text) < 2 or not (text.startswith("|") and text.endswith("|")):
        return None
    return [cell.strip() for cell in text[1:-1].split("|")]


def _read_device(row: dict[str, str]) -> Device:
    # Before release 24 nothing marked the active one.
    is_active = row["device"].startswith("*") or row["model"] != "-"
    return Device(row["name"], row["model"], is_active)


def _read_job(row: dict[str, str]) -> Job:
    pid = row["pid"]
    number = int(pid) if pid.isascii() and pid.isdigit() and len(pid) < 10 else None
    return Job(row["device"], row.get("job id", ""), number, row["process"])
