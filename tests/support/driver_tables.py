"""Tables in each form that the accelerator's own program is known to print, made for any devices and jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

TOKEN = "bm90IGEgcmVhbCB0b2tlbiwgYnV0IGxvbmc="
_JOB_COLUMNS = ("Device", "Job ID", "PID", "Process", "Memory Usage")


@dataclass(frozen=True)
class Accelerator:
    """A row of the devices' table."""

    number: int
    flavor: str
    memory: str = "-"
    utilization: str = "-"


@dataclass(frozen=True)
class RunningJob:
    """A row of the jobs' table."""

    device: int
    id: str
    pid: int | str
    process: str = "python train.py"
    memory: str = "886 MiB"


@dataclass(frozen=True, kw_only=True)
class Form:
    """How the programs of some releases print. `cells` makes a row of a device and of whether it is the active one."""

    release: str
    heading: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Callable[[Accelerator, bool], Sequence[str]]
    marks_active: bool = True
    time: str = ""
    is_ruled: bool = False

    def render(self, devices: Sequence[Accelerator], jobs: Sequence[RunningJob] = (), active: int = 0) -> str:
        """What the program prints; `active` is the number of the device that is marked."""
        rows = [self.cells(device, self.marks_active and device.number == active) for device in devices]
        lines = [self.time] if self.time else []
        lines += _draw(self.columns, rows, self.heading, is_ruled=self.is_ruled)
        if jobs:
            cells = [[f"{job.device}", job.id, f"{job.pid}", job.process, job.memory] for job in jobs]
            lines += ["", "Processes:", *_draw(_JOB_COLUMNS, cells)]
        return "\n".join(lines) + "\n"


def _draw(
    columns: Sequence[str], rows: Sequence[Sequence[str]], heading: Sequence[str] = (), *, is_ruled: bool = False
) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    width = max([sum(widths) + 5 * len(widths) - 1, *(len(line) + 4 for line in heading)])
    widths[-1] += width - (sum(widths) + 5 * len(widths) - 1)
    plain = f"+{'-' * width}+"
    ruled = f"+{'+'.join('-' * (size + 4) for size in widths)}+" if is_ruled else plain
    lines = [plain, *(f"|  {line.rjust(width - 4)}  |" for line in heading), ruled]
    lines += [_draw_row(columns, widths), ruled if is_ruled else f"+{'=' * width}+"]
    return [*lines, *(_draw_row(row, widths) for row in rows), ruled]


def _draw_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "|" + "|".join(f"  {cell.ljust(size)}  " for cell, size in zip(cells, widths, strict=True)) + "|"


def _mark(device: Accelerator, is_active: bool) -> str:
    return f"* {device.number}" if is_active else f"  {device.number}"


_WITH_TOKEN = ("Device", "Name", "Token", "Model", "Memory Usage", "Total Memory")
_WITH_USE = ("Device", "Name", "Model", "Memory Usage", "Total Memory", "Utilization")


def _with_token(device: Accelerator, _is_active: bool) -> Sequence[str]:
    return (f"{device.number}", "KT AI Accelerator", TOKEN, device.flavor, device.memory, "65520 MiB")


def _named(name: str) -> Callable[[Accelerator, bool], Sequence[str]]:
    def cells(device: Accelerator, is_active: bool) -> Sequence[str]:
        return (_mark(device, is_active), name, device.flavor, device.memory, "65520 MiB", device.utilization)

    return cells


def _of_platform(device: Accelerator, is_active: bool) -> Sequence[str]:
    number = f"* {device.number}" if is_active else f"{device.number}"
    return (number, f"{1700 + device.number}", device.flavor, device.memory, device.utilization)


def _client(release: str) -> tuple[str, ...]:
    return (f"Moreh-SMI {release}      Client Version: {release}  Server Version: {release}",)


def _current(release: str) -> tuple[str, ...]:
    return (f"Current Version: {release}  Latest Version: {release}",)


FORMS: dict[str, Form] = {
    "0.8": Form(release="0.8.0", heading=_client("0.8.0"), columns=_WITH_TOKEN, cells=_with_token, marks_active=False),
    "22.8": Form(
        release="22.8.0", heading=_client("22.8.0"), columns=_WITH_TOKEN, cells=_with_token, marks_active=False
    ),
    "22.10": Form(
        release="22.10.1",
        heading=_client("22.10.1"),
        columns=_WITH_USE,
        cells=_named("KT AI Accelerator"),
        time="09:12:44 October 20, 2022 ",
    ),
    "23.9": Form(release="23.9.0", heading=_current("23.9.0"), columns=_WITH_USE, cells=_named("Moreh SDA")),
    "24.5": Form(
        release="24.5.0",
        heading=_current("24.5.0"),
        columns=_WITH_USE,
        cells=_named("MoAI Accelerator"),
        time="10:02:01 May 02, 2024",
    ),
    "24.11": Form(
        release="24.11.0",
        heading=_current("24.11.0"),
        columns=("Device", "Name", "Flavor", "Memory Usage", "Total Memory", "Utilization"),
        cells=_named("MoAI Accelerator"),
    ),
    "25.1": Form(
        release="25.1.202", heading=_current("25.1.202"), columns=_WITH_USE, cells=_named("Ambre AI Accelerator")
    ),
    "25.5": Form(
        release="25.5.3005",
        heading=(
            "Accelerator platform Version : v0.0.30",
            "MoAI Framework Version : 25.5.3005 Latest Version : 25.5.3005",
        ),
        columns=("#", "NAME", "FLAVOR", "MEM USAGE(%)", "GPU UTIL(%)"),
        cells=_of_platform,
        is_ruled=True,
    ),
}
