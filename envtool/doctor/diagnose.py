"""Runs the checks and puts their findings into a report."""

from __future__ import annotations

from envtool.doctor.checks import cuda_wheels, files, half_done, missing, replaced, shadowed
from envtool.doctor.findings import Evidence, Finding, Report, Severity
from envtool.doctor.pinned import pin_of
from envtool.doctor.remedy import restore_command
from envtool.environment.reader import Environment
from envtool.vendor.names import PINNED_NAMES, TORCH
from envtool.vendor.pin import VendorPin


def diagnose(
    environment: Environment,
    pin: VendorPin | None = None,
    *,
    deep: bool = False,
    progress: files.Progress = lambda _bytes: None,
) -> Report:
    """Everything that is wrong with an environment, held against `pin` or against the pin it carries itself.

    Raises `ReleaseError` for a pin file that cannot be read.
    """
    pin = pin or pin_of(environment)
    if pin is None:
        return Report(environment, None, (_unpinned(environment),))
    findings = (
        *missing.check(environment, pin),
        *replaced.check(environment, pin),
        *half_done.check(environment, pin),
        *files.check(environment, pin, deep=deep, progress=progress),
        *shadowed.check(environment, pin),
        *cuda_wheels.check(environment, pin),
    )
    return Report(environment, pin, findings)


def bytes_to_hash(environment: Environment) -> int:
    """How many bytes a deep diagnosis will hash, as the RECORD files say; for a progress bar."""
    records = (item.record() for name in PINNED_NAMES for item in environment.find(name))
    return sum(row.size or 0 for record in records if record is not None for row in record.rows)


def _unpinned(environment: Environment) -> Finding:
    installed = environment.find(TORCH)
    found = ", ".join(item.version for item in installed) or "no torch"
    return Finding(
        "no-vendor-torch",
        Severity.ERROR,
        "there is no vendor torch here, and nothing records which one there should be",
        (Evidence(str(environment.prefix.site_packages), "torch <version>+…moreh<release>", found),),
        "the vendor torch was never installed here, or it was replaced without a trace",
        restore_command(environment, None),
        TORCH,
    )
