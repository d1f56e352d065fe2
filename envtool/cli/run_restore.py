"""What `envtool restore` and `update-moreh` do, once their options are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.cli.terminal import note

if TYPE_CHECKING:
    from envtool.doctor.findings import Report
    from envtool.environment.prefix import Prefix
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin
    from envtool.release.release_filter import ReleaseFilter
    from envtool.restore.ahead import Ahead
    from envtool.restore.plan import PinnedDiagnosis, RestorePlan
    from envtool.restore.supply import Supply
    from envtool.wheel.contents import WheelContents
    from envtool.wheel.name import StoredWheel


class RestoreFormat(StrEnum):
    """How to print what a restore plans and does."""

    TEXT = "text"
    JSON = "json"


def _anything() -> ReleaseFilter:
    # Not above: every command imports this module for its options, and most want no release.
    from envtool.release.release_filter import ReleaseFilter

    return ReleaseFilter()


@dataclass(frozen=True)
class RestoreRequest:
    """The options of a restore. `called` is the command that was typed; `pin` is what a rollback goes back to."""

    called: str
    prefix: Path | None = None
    python: Path | None = None
    vendor: tuple[str, ...] = ()
    wanted: ReleaseFilter = field(default_factory=_anything)
    pin: VendorPin | None = None
    force: bool = False
    dry_run: bool = False
    keep_orphans: bool = False
    yes: bool = False
    driver: bool = True
    format: RestoreFormat = RestoreFormat.TEXT


def run_restore(request: RestoreRequest) -> bool:
    """Plan, print, and unless it is a dry run do it; whether all is well afterwards. Raises `EnvtoolError`."""
    from envtool.environment.reader import read_environment

    found = recover_prefix(request)
    environment = read_environment(found)
    pin, wheels = _select_pin(request, environment)
    with _begun_ahead(request, environment, pin) as ahead:
        # Not before: what is laid out ahead need not wait for it.
        from envtool.cli.render.restore import render_plan

        plan, supply = _planned(request, environment, pin, wheels, ahead)
        if request.format is RestoreFormat.TEXT:
            print(render_plan(plan), flush=True)
        processes = _named_processes(plan)
        if request.dry_run:
            return _print_outcome(request, plan, "planned", processes, None)
        after = _performed(request, plan, supply)
    status, after = _finish(request, plan, after)
    return _print_outcome(request, plan, status, processes, after)


@contextmanager
def _begun_ahead(request: RestoreRequest, environment: Environment, pin: VendorPin) -> Iterator[Ahead | None]:
    """Have what is certain to be put in place laid out meanwhile, if there is any such thing."""
    from envtool.wheel.store import get_default_store

    store = get_default_store()
    wanted = [item for item in pin.distributions if item.sha256 and store.unpacked_folder(item.sha256).is_dir()]
    if request.dry_run or not wanted:
        yield None
        return
    # Only now: most restores have nothing unpacked, and processes take time to import.
    from envtool.restore.ahead import certain, laid_out_ahead

    wanted = certain(environment, wanted, force=request.force)
    with laid_out_ahead(environment.prefix, wanted, store) if wanted else nullcontext() as ahead:
        yield ahead


def _planned(
    request: RestoreRequest,
    environment: Environment,
    pin: VendorPin,
    wheels: Mapping[str, StoredWheel] | None,
    ahead: Ahead | None,
) -> tuple[RestorePlan, Supply]:
    """The plan, and where its files come from."""
    from envtool.restore.plan import plan_restore, select_wheels
    from envtool.restore.supply import Supply
    from envtool.wheel.contents import read_contents, verify_contents

    held = _diagnose(environment, pin, hashed=not request.force)
    names = select_wheels(held, force=request.force)
    coming = ahead.coming if ahead is not None else {}
    if wheels is None:
        contents = _stored(pin, request.vendor, [name for name in names if name not in coming])
    else:
        contents = {name: read_contents(wheels[name]) for name in names if name not in coming}
        for item in contents.values():
            # Nothing vouches for it yet. Later its own sha256 does, and files are checked as they are written.
            verify_contents(item)
    supply = Supply(contents, ahead)
    requires = {name: supply.coming(name).requires for name in names}
    return plan_restore(held, requires, force=request.force, keep_orphans=request.keep_orphans), supply


def recover_prefix(request: RestoreRequest) -> Prefix:
    """The prefix that is meant, with whatever was broken off there completed or taken back."""
    from envtool.environment.context import EnvironmentContext
    from envtool.environment.prefix import find_prefix
    from envtool.environment.search_path import find_user_site
    from envtool.transaction.staging import STAGING_NAME

    found = find_prefix(request.prefix, request.python)
    user_site = find_user_site(found, EnvironmentContext())
    folders = [folder for folder in (found.site_packages, user_site) if folder is not None]
    if not request.dry_run and any(os.path.lexists(folder / STAGING_NAME) for folder in folders):
        # Only now: what takes longest to import is wanted least often.
        from envtool.transaction.recovery import recover

        if recover(found.path, *folders):
            note("completed a restore that had been broken off")
    return found


def _select_pin(
    request: RestoreRequest, environment: Environment
) -> tuple[VendorPin, Mapping[str, StoredWheel] | None]:
    """The pin to hold the environment to, and its wheels where choosing it has brought them already.

    Named sources decide the pin; without them the environment's own does, and sources only supply its wheels.
    """
    from envtool.environment.effective_pin import find_effective_pin
    from envtool.errors import ReleaseError

    try:
        pin = request.pin or find_effective_pin(environment)
    except ReleaseError:
        if not request.vendor:
            raise
        pin = None
    is_settled = pin is not None and pin.torch.sha256 is not None
    if request.pin is not None or (is_settled and not request.vendor and request.wanted.is_free):
        assert pin is not None
        return pin, None
    from envtool.release.release_filter import ReleaseFilter
    from envtool.release.select import select_from_sources
    from envtool.release.source.configured import open_sources
    from envtool.wheel.store import get_default_store

    python, sources, store = environment.prefix.python, open_sources(request.vendor), get_default_store()
    if pin is not None and request.wanted.is_free:
        # The version the environment had before is what its owner expects back, whatever the driver.
        exact = ReleaseFilter(version=pin.torch.version)
        try:
            choice = select_from_sources(python, sources, exact, store)
            return choice.pin, choice.wheels
        except ReleaseError:
            if not request.vendor:
                raise
    served = driver_release() if request.driver else None
    choice = select_from_sources(python, sources, replace(request.wanted, served=served), store)
    return choice.pin, choice.wheels


def driver_release() -> str | None:
    """The release of this machine's driver, or `None` where there is none or it does not tell."""
    from envtool.driver.ask import QueryResult, start_query

    question = start_query(os.environ)
    reading = question if isinstance(question, QueryResult) else question.read_result()
    return reading.table.version if reading.table is not None else None


def _diagnose(environment: Environment, pin: VendorPin, *, hashed: bool) -> PinnedDiagnosis:
    from envtool.cli.progress import progress_bars
    from envtool.doctor.checks.interrupted_install import without_own_transaction
    from envtool.doctor.diagnose import diagnose
    from envtool.restore.damage import find_damage
    from envtool.restore.plan import PinnedDiagnosis

    # Where files are laid out ahead, a restore is at work: this one.
    report = without_own_transaction(diagnose(environment, pin))
    if not hashed:
        return PinnedDiagnosis(report, pin, {})
    with progress_bars("hashing") as advance:
        return PinnedDiagnosis(report, pin, find_damage(environment, pin, advance))


def _stored(pin: VendorPin, named: Sequence[str], names: Sequence[str]) -> dict[str, WheelContents]:
    """The wheels of a pin that are wanted; where none is, not even a source need answer."""
    if not names:
        return {}
    from envtool.release.select import fetch_pinned_wheels
    from envtool.release.source.configured import open_sources
    from envtool.wheel.contents import read_contents
    from envtool.wheel.store import get_default_store

    wheels = fetch_pinned_wheels(pin, open_sources(named), get_default_store(), names)
    return {name: read_contents(wheel) for name, wheel in wheels.items()}


def _named_processes(plan: RestorePlan) -> list[int]:
    """Say which processes have loaded what is about to be replaced."""
    from envtool.restore.running_processes import find_processes

    if not plan.mended:
        return []
    found = find_processes(plan.environment.prefix, [item.name for item in plan.mended])
    for process in found:
        note(f"process {process.pid} has it loaded and goes on with the old files: {process.command}")
    return [process.pid for process in found]


def _performed(request: RestoreRequest, plan: RestorePlan, supply: Supply) -> Report | None:
    """Carry the plan out; doctor's report on what is there then, or `None` where there was nothing to do."""
    from envtool.cli.progress import progress_bars
    from envtool.restore.apply import apply_plan

    if plan.is_empty:
        return None
    with progress_bars("unpacking") as advance:
        return apply_plan(plan, supply, reason=request.called, progress=advance)


def _finish(request: RestoreRequest, plan: RestorePlan, after: Report | None) -> tuple[str, Report]:
    """What is left to do outside of the environment. Returns `restored` or `nothing-to-do`, and doctor's report."""
    from envtool.doctor.diagnose import diagnose
    from envtool.environment.reader import read_environment
    from envtool.release.pin import PinOrigin
    from envtool.restore.apply import write_pin

    if after is not None and plan.pin.stand_in:
        note("note: these are stand-ins for the vendor's wheels; they compute nothing")
    elif after is None and plan.pin.origin in {PinOrigin.SOURCE, PinOrigin.HISTORY}:
        write_pin(plan.environment.prefix, plan.pin)
    unshadowed = _unshadowed(request, plan)
    status = "restored" if after is not None or unshadowed else "nothing-to-do"
    if after is None or unshadowed:
        after = diagnose(read_environment(plan.environment.prefix), plan.pin)
    return status, after


def _unshadowed(request: RestoreRequest, plan: RestorePlan) -> bool:
    """Take copies in the user's site-packages away, as far as the person agrees."""
    from envtool.restore.apply import remove_user_copy

    done = False
    for item in plan.unshadowings:
        what = f"{item.name} {item.version} in {item.folder}"
        if request.yes or (_is_asked() and confirm(f"take away {what}, which hides the vendor's?")):
            remove_user_copy(plan.environment.prefix, item)
            done = True
        else:
            note(f"left: {what}, which hides the vendor's; --yes takes it away")
    return done


def _is_asked() -> bool:
    """Whether a person sits at the other end; a program may have been started with no standard input at all."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(question: str) -> bool:
    """Ask on the terminal, or read a line of what is piped in; anything but yes is no."""
    print(f"{question} (y/n, default:n) ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline() if sys.stdin is not None else ""
    except (OSError, ValueError):
        answer = ""
    if not _is_asked():
        print(file=sys.stderr)
    return answer.strip().lower() in {"y", "yes"}


def _print_outcome(
    request: RestoreRequest, plan: RestorePlan, status: str, processes: list[int], after: Report | None
) -> bool:
    """Print what came of it; whether the environment is in order now, or was only planned for."""
    from envtool.cli.render.restore import render_document
    from envtool.doctor.findings import Status

    if request.format is RestoreFormat.JSON:
        verdict = after.status.value if after is not None else None
        print(render_document(plan, status, processes=processes, after=verdict))
    elif status == "restored":
        print(_summary(plan))
    elif status == "nothing-to-do":
        print(f"Already installed : {plan.pin.version}")
    if after is None or after.status is not Status.DAMAGED:
        return True
    if request.format is RestoreFormat.TEXT:
        print(f"still damaged: {after.findings[0].title}\n  type   {after.findings[0].remedy}")
    return False


def _summary(plan: RestorePlan) -> str:
    parts = [
        ("restored", [item.name for item in plan.mended]),
        ("removed", [item.name for item in plan.removals]),
        ("cleared away", [path.name for path in plan.leftovers]),
    ]
    done = [f"{label}: {', '.join(names)}" for label, names in parts if names]
    return "; ".join([*done, f"pinned {plan.pin.version}"])
