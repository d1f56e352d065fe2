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
MASK = "****"


@dataclass(frozen=True)
class Device:
    """One accelerator. Its token is a secret and is not kept; `token` is `MASK` where the table shows one."""

    number: str
    name: str
    model: str
    active: bool
    token: str
    memory_used: str
    memory_total: str
    utilization: str


@dataclass(frozen=True)
class Job:
    """A process that uses the accelerator. `memory` as printed, such as `886 MiB`."""

    device: str
    identity: str
    pid: int | None
    process: str
    memory: str


@dataclass(frozen=True)
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
        cells = _cells(line)
        if cells is None:
            continue
        names = [cell.lower() for cell in cells]
        if set(names) >= _DEVICE_COLUMNS or set(names) >= _JOB_COLUMNS:
            columns = names
            has_devices = has_devices or set(names) >= _DEVICE_COLUMNS
        elif columns and len(cells) == len(columns):
            row = dict(zip(columns, cells, strict=True))
            if "pid" in row:
                jobs.append(_job(row))
            else:
                devices.append(_device(row))
    if not versions and not has_devices:
        return None
    return DriverTable(
        title[1] if title else None,
        versions.get("client"),
        versions.get("server"),
        versions.get("current"),
        versions.get("latest"),
        tuple(devices),
        tuple(jobs),
    )


def _cells(line: str) -> list[str] | None:
    text = line.strip()
    if len(text) < 2 or not (text.startswith("|") and text.endswith("|")):
        return None
    return [cell.strip() for cell in text[1:-1].split("|")]


def _device(row: dict[str, str]) -> Device:
    number = row["device"]
    token = row.get("token", "")
    return Device(
        number.lstrip("* "),
        row["name"],
        row["model"],
        # Before release 24 nothing marked the active one.
        number.startswith("*") or row["model"] != "-",
        MASK if token not in {"", "-"} else "",
        row.get("memory usage", ""),
        row.get("total memory", ""),
        row.get("utilization", ""),
    )


def _job(row: dict[str, str]) -> Job:
    pid = row["pid"]
    return Job(
        row["device"],
        row.get("job id", ""),
        int(pid) if pid.isascii() and pid.isdigit() and len(pid) < 10 else None,
        row["process"],
        row.get("memory usage", ""),
    )
