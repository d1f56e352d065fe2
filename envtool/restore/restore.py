"""Makes an environment hold its pinned vendor torch again: every stage of `envtool restore`, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from envtool.doctor.checks.interrupted_install import without_own_transaction
from envtool.doctor.diagnose import diagnose
from envtool.doctor.findings import Report, Status
from envtool.environment.prefix import Prefix, find_prefix
from envtool.environment.reader import Environment, read_environment
from envtool.errors import RestoreError
from envtool.language import tell
from envtool.progress import ProgressDisplay, open_silent_display
from envtool.release.pin import PinOrigin, VendorPin
from envtool.release.release_filter import ReleaseFilter
from envtool.restore.apply import apply_plan, refuse_mounted, remove_user_copy, write_pin
from envtool.restore.damage import find_damage
from envtool.restore.incoming import complete_pin, open_wheels
from envtool.restore.plan import PinnedDiagnosis, RestorePlan, UserSiteRemoval, plan_restore
from envtool.restore.recover_prefix import recover_prefix
from envtool.restore.running_processes import Process, find_processes
from envtool.restore.select_pin import select_pin
from envtool.wheel.unpacked_store import UnpackedWheel, mark_checked


class RestoreStatus(Enum):
    """How a restore ended."""

    PLANNED = "planned"
    RESTORED = "restored"
    NOTHING_TO_DO = "nothing-to-do"


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """What to restore.

    `command` is what the history records. `vendor` names sources in place of the configured ones, and `release` says
    which of their releases will do. `pin` replaces the environment's own pin. `force` replaces healthy files too;
    `ignore_driver` takes a release that this machine's driver does not serve.
    """

    command: str = "envtool restore"
    prefix: Path | None = None
    python: Path | None = None
    vendor: tuple[str, ...] = ()
    release: ReleaseFilter = field(default_factory=ReleaseFilter)
    pin: VendorPin | None = None
    force: bool = False
    dry_run: bool = False
    keep_orphans: bool = False
    ignore_driver: bool = False


@dataclass(frozen=True, kw_only=True)
class RestoreResult:
    """The plan and how it ended.

    `processes` have the replaced torch loaded. `report` is doctor's afterwards, `None` after a dry run.
    """

    status: RestoreStatus
    plan: RestorePlan
    processes: tuple[Process, ...] = ()
    report: Report | None = None

    @property
    def is_in_order(self) -> bool:
        """Whether the environment is not damaged now, or was only planned for."""
        return self.report is None or self.report.status is not Status.DAMAGED


def restore(
    request: RestoreRequest,
    *,
    confirm: Callable[[UserSiteRemoval], bool] = lambda _copy: False,
    show_plan: Callable[[RestorePlan], None] = lambda _plan: None,
    note: Callable[[str], None] = lambda _text: None,
    display: ProgressDisplay = open_silent_display,
) -> RestoreResult:
    """Restore an environment, or plan it.

    `confirm` is asked before a copy in the user's own site-packages is removed. `show_plan` gets the plan before
    anything changes. Raises `EnvtoolError`; the environment is then as it was, or the next restore completes it.
    """
    prefix = find_prefix(request.prefix, request.python)
    if not request.dry_run and recover_prefix(prefix):
        note(tell("completed a restore that had been interrupted"))
    environment = read_environment(prefix)
    selected = select_pin(
        environment, request.pin, request.vendor, request.release, ignore_driver=request.ignore_driver
    )
    diagnosis = _diagnose(environment, selected.pin, display, hash_files=not request.force)
    wheels = open_wheels(diagnosis, selected.wheels, request.vendor, force=request.force)
    diagnosis = replace(diagnosis, pin=complete_pin(diagnosis.pin, wheels))
    requires = {name: wheel.requires for name, wheel in wheels.items()}
    plan = plan_restore(diagnosis, requires, force=request.force, keep_orphans=request.keep_orphans)
    show_plan(plan)
    refuse_mounted(plan)
    processes = find_processes(prefix, [item.name for item in plan.mended])
    for process in processes:
        note(
            tell(
                "process {pid} has it loaded and goes on with the old files: {command}",
                pid=process.pid,
                command=process.command,
            )
        )
    if request.dry_run:
        return RestoreResult(status=RestoreStatus.PLANNED, plan=plan, processes=processes)
    copies = [copy for copy in plan.user_copies if confirm(copy)]
    if not plan.is_empty:
        with display(tell("unpacking")) as progress:
            apply_plan(plan, wheels, command=request.command, progress=progress)
        for wheel in wheels.values():
            if isinstance(wheel, UnpackedWheel):
                # Only now: links that the old files had to the copy are gone, which changed it as well.
                mark_checked(wheel)
    elif plan.pin.origin in {PinOrigin.SOURCE, PinOrigin.HISTORY}:
        write_pin(prefix, plan.pin)
    for copy in copies:
        remove_user_copy(prefix, copy)
    report = _verify(prefix, plan)
    status = RestoreStatus.NOTHING_TO_DO if plan.is_empty and not copies else RestoreStatus.RESTORED
    return RestoreResult(status=status, plan=plan, processes=processes, report=report)


def _diagnose(
    environment: Environment, pin: VendorPin, display: ProgressDisplay, *, hash_files: bool
) -> PinnedDiagnosis:
    report = diagnose(environment, pin)
    if not hash_files:
        return PinnedDiagnosis(report, pin, {})
    with display(tell("hashing")) as progress:
        return PinnedDiagnosis(report, pin, find_damage(environment, pin, progress))


def _verify(prefix: Prefix, plan: RestorePlan) -> Report:
    """Diagnose what is installed now. Every new file's hash was checked when it was written."""
    report = without_own_transaction(diagnose(read_environment(prefix), plan.pin))
    names = {item.name for item in plan.mended}
    damage = [item for item in report.findings if item.distribution in names]
    if damage:
        raise RestoreError(
            tell("{distribution} was put in place and is not in order", distribution=damage[0].distribution),
            why=tell("{title}; something else wrote to site-packages at the same time", title=damage[0].title),
            remedy="envtool restore --force",
        )
    return report
