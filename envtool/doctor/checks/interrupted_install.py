"""Case 6: what an interrupted install or uninstall leaves behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, Report, truncate
from envtool.doctor.remedy import build_restore_command
from envtool.environment.leftover import match_leftover
from envtool.language import tell
from envtool.release.profile import PINNED_NAMES, TOP_LEVEL_NAMES, TORCH
from envtool.transaction.staging import STAGING_NAME

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.release.pin import PinnedDistribution, VendorPin


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check for `~` leftovers, several `.dist-info` folders, and a RECORD that is missing or empty."""
    yield from _check_staging(environment, pin)
    yield from _check_leftovers(environment)
    for pinned in pin.distributions:
        installed = environment.find(pinned.name)
        if len(installed) > 1:
            yield _make_duplicate_finding(pinned, installed)
        for item in installed:
            # An .egg-info never has a RECORD.
            if not item.has_record and not item.is_egg:
                yield _make_record_finding(pinned, item)


def without_own_transaction(report: Report) -> Report:
    """Leave out the finding that a restore is at work, for the restore that is."""
    return replace(
        report, findings=tuple(item for item in report.findings if item.kind is not FindingKind.RESTORE_INTERRUPTED)
    )


def _check_staging(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    staging = environment.prefix.site_packages / STAGING_NAME
    if os.path.isdir(staging):
        yield Finding(
            kind=FindingKind.RESTORE_INTERRUPTED,
            title=tell("a restore was broken off, or is at work right now"),
            evidence=(Evidence(str(staging), tell("no such folder"), tell("a restore's working folder")),),
            cause=tell("the restore was killed; the next one completes it"),
            remedy=build_restore_command(environment, pin),
        )


def _check_leftovers(environment: Environment) -> Iterator[Finding]:
    ours = [path for path in environment.leftovers if match_leftover(path.name, TOP_LEVEL_NAMES)]
    if ours:
        yield Finding(
            kind=FindingKind.TORCH_LEFTOVERS,
            title=tell("an install of torch was broken off and left renamed folders behind"),
            evidence=truncate(
                Evidence(str(path), tell("no such folder"), tell("a folder that pip renamed")) for path in ours
            ),
            cause=tell("pip moves a distribution aside as ~… while it replaces it, and did not come to the end"),
            distribution=next((name for path in ours if (name := match_leftover(path.name, PINNED_NAMES))), TORCH),
        )


def _make_duplicate_finding(pinned: PinnedDistribution, installed: tuple[Distribution, ...]) -> Finding:
    return Finding(
        kind=FindingKind.TORCH_DUPLICATE_METADATA,
        title=tell(
            "{name} is recorded {installed_count} times; which one Python sees is chance",
            name=pinned.name,
            installed_count=len(installed),
        ),
        evidence=tuple(Evidence(str(item.path), tell("one record"), item.version) for item in installed),
        cause=tell("a second installer put its files over the first one's without removing them"),
        distribution=pinned.name,
    )


def _make_record_finding(pinned: PinnedDistribution, item: Distribution) -> Finding:
    is_there = item.read("RECORD") is not None
    return Finding(
        kind=FindingKind.TORCH_NO_RECORD,
        title=tell(
            "{name} {version} has an empty RECORD, so nothing can tell which files are its own"
            if is_there
            else "{name} {version} has no RECORD, so nothing can tell which files are its own",
            name=pinned.name,
            version=item.version,
        ),
        evidence=(
            Evidence(
                str(item.path / "RECORD"),
                tell("a list of files"),
                tell("an empty file") if is_there else tell("nothing"),
            ),
        ),
        cause=tell("an install was broken off, or another installer removed the list"),
        distribution=pinned.name,
    )
