"""Case 12: what the driver's program says of the driver, the accelerators and their jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, truncate
from envtool.language import join_alternatives, tell
from envtool.release.profile import TORCH
from envtool.release.read_profile import load_default_profile, load_service
from envtool.release.version import parse_release, parse_vendor_version, versions_equal

if TYPE_CHECKING:
    from envtool.driver.ask import QueryResult
    from envtool.driver.table import DriverTable
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin

# What Docker and Podman put into every container.
CONTAINER_MARKS: tuple[str, ...] = ("/.dockerenv", "/run/.containerenv")


def check(environment: Environment, pin: VendorPin | None, result: QueryResult, *, is_asked: bool) -> Iterator[Finding]:
    """Check what the driver's program printed. `is_asked`: a person asked for it, so a missing program is a finding."""
    if result.program is None:
        if is_asked or _is_on_machine():
            yield _make_missing_finding()
    elif result.table is None:
        yield _make_failed_finding(result)
    else:
        yield from _check_versions(result.program, result.table)
        yield from _check_release(environment, pin, result.program, result.table)
        yield from _check_devices(result.program, result.table)
        yield from _check_jobs(result.program, result.table)


def _is_on_machine() -> bool:
    """Whether there is what only a machine with the accelerator has; containers get the folder mounted."""
    folder = load_default_profile().driver.folder
    return folder is not None and os.path.isdir(folder)


def _make_missing_finding() -> Finding:
    return Finding(
        kind=FindingKind.DRIVER_MISSING,
        title=load_service().words.no_driver_here,
        evidence=(Evidence("PATH", join_alternatives(load_default_profile().driver.programs), tell("neither")),),
        cause=tell("the driver was removed, its folder is not on PATH, or this is no machine of the service"),
        remedy=load_default_profile().cure.restore,
    )


def _make_failed_finding(result: QueryResult) -> Finding:
    program = str(result.program)
    return Finding(
        kind=FindingKind.DRIVER_FAILED,
        title=tell("{name} does not tell of the accelerator", name=Path(program).name),
        evidence=(Evidence(program, tell("a table of devices"), result.problem),),
        cause=tell("the driver waits for a server that does not answer")
        if result.timed_out
        else tell("the driver does not work"),
        remedy=program,
    )


def _check_versions(program: str, table: DriverTable) -> Iterator[Finding]:
    if table.client and table.server and not versions_equal(table.client, table.server):
        yield Finding(
            kind=FindingKind.DRIVER_VERSIONS_DIFFER,
            title=tell(
                "the driver's client is {client}, its server {server}", client=table.client, server=table.server
            ),
            evidence=(
                Evidence(
                    program, tell("client {server}", server=table.server), tell("client {client}", client=table.client)
                ),
            ),
            cause=tell("the service was updated and this machine was not, or the other way round"),
            remedy=load_default_profile().cure.restore,
        )
    current, latest = (parse_release(text) if text else None for text in (table.current, table.latest))
    if current and latest and latest.is_newer_than(current):
        yield Finding(
            kind=FindingKind.DRIVER_UPDATE_AVAILABLE,
            title=tell("the driver is {current}; {latest} is there", current=table.current, latest=table.latest),
            evidence=(Evidence(program, f"{table.latest}", f"{table.current}"),),
            cause=tell("the service has a newer release"),
            remedy=load_service().update,
        )


def _check_release(
    environment: Environment, pin: VendorPin | None, program: str, table: DriverTable
) -> Iterator[Finding]:
    for item in environment.find(TORCH):
        torch = parse_vendor_version(item.version)
        driver = parse_release(table.version) if table.version else None
        if torch is None or driver is None or torch.release == driver.release:
            continue
        # An installed torch that is not the pinned one is a finding of its own.
        if pin is not None and not versions_equal(pin.torch.version, item.version):
            continue
        yield Finding(
            kind=FindingKind.DRIVER_TORCH_MISMATCH,
            title=tell(
                "torch is of release {release}, the driver of release {driver}",
                release=torch.release,
                driver=driver.release,
            ),
            evidence=(
                Evidence(
                    str(item.path),
                    tell("release {release}", release=driver.release),
                    tell("release {release}", release=torch.release),
                ),
                Evidence(
                    program,
                    tell("release {release}", release=torch.release),
                    tell("release {release}", release=driver.release),
                ),
            ),
            cause=tell("one of the two was updated without the other"),
            remedy=load_default_profile().cure.release.format(release=driver.release),
        )


def _check_devices(program: str, table: DriverTable) -> Iterator[Finding]:
    if not any(device.has_model for device in table.active_devices):
        yield Finding(
            kind=FindingKind.NO_ACCELERATOR,
            title=tell("the driver works and has no accelerator"),
            evidence=(
                Evidence(
                    program,
                    tell("a device with a model"),
                    tell("{devices_count} devices, none with a model", devices_count=len(table.devices)),
                ),
            ),
            cause=tell("no accelerator is assigned to this machine, or its token is missing"),
            remedy=load_service().switch,
        )


def _check_jobs(program: str, table: DriverTable) -> Iterator[Finding]:
    # A container sees the processes of its machine under other numbers, or not at all.
    if any(os.path.exists(path) for path in CONTAINER_MARKS):
        return
    stale = [job for job in table.jobs if job.pid is not None and not os.path.exists(f"/proc/{job.pid}")]
    if stale:
        yield Finding(
            kind=FindingKind.ORPHANED_JOBS,
            title=tell(
                "{stale_count} jobs hold the accelerator though their processes are gone", stale_count=len(stale)
            ),
            evidence=truncate(
                Evidence(
                    program,
                    tell("process {pid}", pid=job.pid),
                    tell("job {id} on device {device}: {process}", id=job.id, device=job.device, process=job.process),
                )
                for job in stale
            ),
            cause=tell("the processes were killed, and the service has not noticed yet"),
            remedy=load_service().reset_jobs,
        )
