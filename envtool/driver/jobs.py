"""What holds the accelerator: each job that the driver lists, against the processes that are there; pure.

An accelerator is charged while a job holds it, whether the job works or not. A job whose main process is gone is held
by the workers that are left, or by nobody at all until it is reset; one that was stopped holds it as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from envtool.driver.processes import Machine, MachineProcess, match_command
from envtool.language import Message, tell

if TYPE_CHECKING:
    from envtool.driver.table import Device, DriverTable, Job
    from envtool.driver.waiting import UnlistedProcess

# Programs that take over what has lost its parent, beside the machine's first process.
_REAPERS = frozenset({"systemd", "init", "tini", "docker-init", "dumb-init", "catatonit", "s6-svscan"})


class JobState(StrEnum):
    """What a job does with the accelerator that it holds."""

    WORKING = "working"
    STOPPED = "stopped"
    WORKERS_LEFT = "workers-left"
    GONE = "gone"
    WAITING = "waiting"
    UNKNOWN = "unknown"


# As a person reads them.
JOB_STATES: Mapping[JobState, Message] = {
    JobState.WORKING: tell("working"),
    JobState.STOPPED: tell("stopped"),
    JobState.WORKERS_LEFT: tell("workers-left"),
    JobState.GONE: tell("gone"),
    JobState.WAITING: tell("waiting"),
    JobState.UNKNOWN: tell("unknown"),
}
# Without work, in the order in which they are to be ended.
IDLE_STATES = (JobState.WORKERS_LEFT, JobState.GONE, JobState.STOPPED, JobState.WAITING)


@dataclass(frozen=True, kw_only=True)
class AcceleratorJob:
    """A job, or a process that waits to be one.

    `pid` is the number that the driver lists, or that the process has here. `process` is what is there under that
    number, `workers` what is left of it. `id` is empty for one that the driver does not list.
    """

    device: str
    flavor: str
    id: str
    state: JobState
    pid: int | None
    command: str
    memory: str = ""
    process: MachineProcess | None = None
    workers: tuple[MachineProcess, ...] = ()
    waits_for: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it holds the accelerator, or its place in the queue, without working."""
        return self.state in IDLE_STATES


@dataclass(frozen=True)
class JobEnding:
    """The one process to end, and how. `pid` is `None` where no process is left and the driver must let go."""

    pid: int | None
    command: str
    reason: str


def assess_jobs(table: DriverTable, machine: Machine) -> tuple[AcceleratorJob, ...]:
    """Each listed job with its state."""
    found = [_assess(job, table, machine) for job in table.jobs]
    alive = {job.process.pid for job in found if job.process is not None}
    return tuple(_mark_waiting([_find_workers(job, machine, alive) for job in found], machine))


def list_pids(jobs: Sequence[AcceleratorJob]) -> frozenset[int]:
    """The processes of jobs, as they are numbered here."""
    own = {job.process.pid for job in jobs if job.process is not None}
    return frozenset(own | {worker.pid for job in jobs for worker in job.workers})


def assess_unlisted(
    found: Sequence[UnlistedProcess], jobs: Sequence[AcceleratorJob], table: DriverTable, machine: Machine
) -> tuple[AcceleratorJob, ...]:
    """Processes that the driver does not list: they wait if they say so; else it is not known what they do.

    Without a job that holds an accelerator there is nothing to wait for.
    """
    active = {device.id for device in table.active_devices}
    holders = [job for job in jobs if job.state is not JobState.WAITING]
    holder = next((job for job in holders if job.device in active), holders[0] if holders else None)
    result = []
    for item in found if holder is not None else ():
        named = next((job for job in holders if item.waits_for is not None and item.waits_for == job.pid), holder)
        assert named is not None
        process = machine.processes[item.pid]
        result.append(
            AcceleratorJob(
                device=named.device,
                flavor=named.flavor,
                id="",
                state=JobState.UNKNOWN if item.waits_for is None else JobState.WAITING,
                pid=item.pid,
                command=process.command,
                process=process,
                waits_for=item.waits_for,
            )
        )
    return tuple(result)


def choose_ending(jobs: Sequence[AcceleratorJob], table: DriverTable, program: str, user: int) -> JobEnding | None:
    """The one process to end, so that the accelerator is free for work; `None` where all of them work.

    `program` is the driver's, `user` who is to type the command.
    """
    idle = sorted((job for job in jobs if job.is_idle), key=lambda job: IDLE_STATES.index(job.state))
    return _describe_ending(idle[0], _make_reset(idle[0].device, table, program), user) if idle else None


def _make_reset(device: str, table: DriverTable, program: str) -> str:
    """The command that has the driver let go of a device: it is for the active one, whose job it would end."""
    active = [item.id for item in table.active_devices]
    if device in active or len(active) != 1:
        return f"{program} --reset"
    switch = f"{program} device --switch"
    return f"{switch} {device} && {program} --reset && {switch} {active[0]}"


def _describe_ending(job: AcceleratorJob, reset: str, user: int) -> JobEnding:
    name = tell("job {job}", job=job.id) if job.id else tell("process {process}", process=job.pid)
    if job.state is JobState.WORKERS_LEFT:
        pids = " ".join(f"{worker.pid}" for worker in job.workers)
        command = _as_user(f"kill {pids}", job.workers, user)
        count = len(job.workers)
        if count == 1:
            reason = tell("the main process of {name} is gone, and a worker of it is left", name=name)
        else:
            reason = tell(
                "the main process of {name} is gone, and {count} workers of it are left", name=name, count=count
            )
        return JobEnding(job.workers[0].pid, command, reason)
    if job.process is None:
        return JobEnding(None, reset, tell("{name} holds the accelerator, and its process is gone", name=name))
    pid = job.process.pid
    if job.state is JobState.STOPPED:
        # A stopped process gets the signal when it goes on.
        command = _as_user(f"kill {pid}; kill -CONT {pid}", (job.process,), user)
        return JobEnding(
            pid,
            command,
            tell("{name} is stopped and holds the accelerator; kill -CONT {pid} has it go on", name=name, pid=pid),
        )
    command = _as_user(f"kill {pid}", (job.process,), user)
    return JobEnding(
        pid, command, tell("it waits until process {pid} ends; one accelerator runs one program", pid=job.waits_for)
    )


def _as_user(command: str, processes: Sequence[MachineProcess], user: int) -> str:
    if user == 0 or all(process.uid == user for process in processes):
        return command
    return "; ".join(f"sudo {part}" for part in command.split("; "))


def _assess(job: Job, table: DriverTable, machine: Machine) -> AcceleratorJob:
    device = _find_device(job, table)
    base = AcceleratorJob(
        device=device.id if device is not None else job.device,
        flavor=device.model if device is not None and device.has_model else "",
        id=job.id,
        state=JobState.UNKNOWN,
        pid=job.pid,
        command=job.process,
        memory=job.memory,
    )
    process = _find_process(job, machine)
    if process is None:
        # Without a number, or in a container that does not see it, it may be anywhere.
        is_elsewhere = job.pid is None or machine.has_own_numbers
        return base if is_elsewhere else replace(base, state=JobState.GONE)
    base = replace(base, process=process, command=process.command)
    if process.is_stopped:
        return replace(base, state=JobState.STOPPED)
    if process.is_python_worker and _is_orphan(process, machine):
        return replace(base, state=JobState.WORKERS_LEFT, workers=(process,))
    return replace(base, state=JobState.WORKING)


def _find_device(job: Job, table: DriverTable) -> Device | None:
    same = next((device for device in table.devices if device.id == job.device), None)
    return same or (table.devices[0] if len(table.devices) == 1 else None)


def _find_process(job: Job, machine: Machine) -> MachineProcess | None:
    """The process of that number, if it may be the job's; else the one that has the number inside a container."""
    if job.pid is None:
        return None
    process = machine.processes.get(job.pid)
    if process is not None and not process.has_ended and _may_be(process, job.process, machine):
        return process
    inside = [
        other
        for other in machine.processes.values()
        if len(other.numbers) > 1 and other.numbers[-1] == job.pid and not other.has_ended
    ]
    return next((other for other in inside if _may_be(other, job.process, machine)), None)


def _may_be(process: MachineProcess, command: str, machine: Machine) -> bool:
    """Whether its command is the listed one, or it is a program with torch that calls itself something else."""
    return match_command(process, command) or machine.has_torch(process.pid)


def _is_orphan(process: MachineProcess, machine: Machine) -> bool:
    """Whether who started it is gone: the machine's first process has taken it over, or another one that does that."""
    if process.parent <= 1:
        return True
    parent = machine.processes.get(process.parent)
    if parent is None or (parent.words and parent.words[0].rsplit("/", 1)[-1] in _REAPERS):
        return True
    # What does not lead a session is born into its parent's.
    return parent.session != process.session and process.session != process.pid


def _find_workers(job: AcceleratorJob, machine: Machine, alive: set[int]) -> AcceleratorJob:
    """With what is left of a job whose main process is gone."""
    if job.process is not None or job.pid is None:
        return job
    taken = set(alive)
    for pid in alive:
        taken |= machine.descendants(pid)
    workers = sorted(_list_workers(job, job.pid, machine, taken), key=lambda process: (process.since, process.pid))
    return replace(job, state=JobState.WORKERS_LEFT, workers=tuple(workers)) if workers else job


def _list_workers(job: AcceleratorJob, main: int, machine: Machine, taken: set[int]) -> Iterator[MachineProcess]:
    """What the main process left: the rest of its group or session, or orphans that have its command line."""
    for process in machine.processes.values():
        if process.pid == main or process.pid in taken or process.has_ended:
            continue
        if main in {process.group, process.session} or (
            _is_orphan(process, machine)
            and match_command(process, job.command)
            and (len(job.command.split()) > 1 or machine.has_torch(process.pid))
        ):
            yield process


def _mark_waiting(jobs: Sequence[AcceleratorJob], machine: Machine) -> Iterator[AcceleratorJob]:
    """Of several programs that are listed for one accelerator, all but the first wait.

    One that uses memory comes first. What is gone keeps nobody from working who uses memory as well.
    """
    for job in jobs:
        rivals = [other for other in jobs if other.device == job.device and _is_rival(job, other, machine)]
        first = min([*rivals, job], key=_order)
        is_stale = first.state is JobState.GONE and _uses_memory(job)
        if first is job or job.state is not JobState.WORKING or is_stale:
            yield job
        else:
            yield replace(job, state=JobState.WAITING, waits_for=first.pid)


def _is_rival(job: AcceleratorJob, other: AcceleratorJob, machine: Machine) -> bool:
    """Whether two jobs are of different programs: neither has started the other."""
    if other is job or (other.id and other.id == job.id):
        return False
    if job.process is None or other.process is None:
        return True
    pid, rival = job.process.pid, other.process.pid
    return rival not in machine.descendants(pid) | machine.ancestors(pid)


def _order(job: AcceleratorJob) -> tuple[bool, float, int]:
    return not _uses_memory(job), job.process.since if job.process is not None else 0.0, job.pid or 0


def _uses_memory(job: AcceleratorJob) -> bool:
    return any(digit in job.memory for digit in "123456789")
