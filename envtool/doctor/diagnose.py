"""Runs all checks on an environment and collects their findings in a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from envtool.doctor.checks import (
    companions,
    cuda_direct,
    cuda_wheels,
    files,
    interpreter,
    interrupted_install,
    metadata,
    missing,
    missing_requirements,
    path_order,
    protection,
    replaced,
    shadowed,
)
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Finding, Report, with_inner_paths
from envtool.doctor.remedy import build_restore_command
from envtool.environment.effective_pin import find_effective_pin
from envtool.environment.reader import Environment
from envtool.release.pin import HISTORY_FILE, VendorPin

if TYPE_CHECKING:
    from envtool.doctor.cache import DiagnosisCache
    from envtool.environment.history import HistoryEntry
    from envtool.progress import Progress

Check = Callable[[Environment, VendorPin], Iterator[Finding]]


def diagnose(
    environment: Environment,
    pin: VendorPin | None = None,
    *,
    deep: bool = False,
    progress: Progress = lambda _name, _bytes, _total: None,
    cache: DiagnosisCache | None = None,
    infer: bool = True,
) -> Report:
    """Check an environment against `pin`, or against its own pin where none is given and `infer` is not off.

    Raises `ReleaseError` for a pin file that cannot be read.
    """
    if pin is None and infer:
        pin = find_effective_pin(environment)
    if pin is None:
        found = _check_without_pin(environment, cache)
    else:
        found = [*_check_torch(environment, pin, partial(files.check, deep=deep, progress=progress, cache=cache))]
        damaged = frozenset(finding.distribution for finding in found if finding.distribution)
        if damaged:
            # Only now: reading conda's records takes long.
            from envtool.doctor.checks import conda

            found += conda.check(environment, pin, damaged)
        found += [*_check_surroundings(environment, pin, cache)]
    findings = tuple(with_inner_paths(_add_remedy(item, environment, pin), environment.context) for item in found)
    return Report(environment=environment, pin=pin, findings=findings, history=_read_history(environment))


def _add_remedy(finding: Finding, environment: Environment, pin: VendorPin | None) -> Finding:
    """A restore fixes what one of the vendor's wheels, put back, fixes."""
    if finding.remedy is not None or finding.distribution is None:
        return finding
    return replace(finding, remedy=build_restore_command(environment, pin))


def _read_history(environment: Environment) -> tuple[HistoryEntry, ...]:
    path = environment.prefix.path
    if not os.path.isfile(path / HISTORY_FILE):
        return ()
    # Only now: most environments have none, and reading it takes further imports.
    from envtool.environment.history import read_history

    return read_history(path)


def _check_torch(environment: Environment, pin: VendorPin, check_files: Check) -> Iterator[Finding]:
    """Check the pinned distributions themselves."""
    changed = list(interpreter.check(environment, pin))
    yield from changed
    if not changed:
        # Under another Python everything is missing, which would only hide the reason.
        yield from missing.check(environment, pin)
    yield from replaced.check(environment, pin)
    yield from interrupted_install.check(environment, pin)
    yield from check_files(environment, pin)
    if environment.context.starts_by_path:
        # Only now: an environment on this machine is not started by a path.
        from envtool.doctor.checks import started

        yield from started.check(environment, pin)
    else:
        yield from shadowed.check(environment, pin)
    yield from metadata.check(environment, pin)


def _check_surroundings(environment: Environment, pin: VendorPin, cache: DiagnosisCache | None) -> Iterator[Finding]:
    """Check what else can keep torch from working, now or after the next install."""
    yield from companions.check(environment, pin)
    yield from missing_requirements.check(environment, pin)
    yield from cuda_wheels.check(environment, pin)
    yield from cuda_direct.check(environment, cache, pin.profile)
    if not environment.context.starts_by_path:
        # Else the question was which torch is imported, and by which Python is part of the answer.
        yield from path_order.check(environment)
    yield from protection.check(environment, pin)


def _check_without_pin(environment: Environment, cache: DiagnosisCache | None) -> list[Finding]:
    changed = list(interpreter.check(environment, None))
    if any(finding.kind is FindingKind.INTERPRETER_CHANGED for finding in changed):
        return changed
    nearby = path_order.find_vendor_torch_nearby(environment)
    if nearby is not None:
        return [*changed, nearby]
    # Only now: what an environment that has a vendor torch need not import.
    from envtool.doctor.cache import DiagnosisCache
    from envtool.doctor.lost_torch import make_finding

    return [*changed, make_finding(environment, cache or DiagnosisCache(None))]
