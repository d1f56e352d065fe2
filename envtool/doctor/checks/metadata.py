"""Records that cannot be read as what they should be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, truncate
from envtool.doctor.remedy import build_uninstall_command
from envtool.environment.pth import read_pth
from envtool.language import tell
from envtool.release.version import versions_equal

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check the metadata: a finding for each pinned distribution, and one for all others together."""
    for pinned in pin.distributions:
        for item in environment.find(pinned.name):
            if problem := _find_problem(item):
                yield Finding(
                    kind=FindingKind.TORCH_METADATA_BROKEN,
                    title=tell("the metadata of {name} {version} is broken", name=pinned.name, version=item.version),
                    evidence=(problem,),
                    cause=tell("it was edited or is corrupt"),
                    distribution=pinned.name,
                )
    yield from _check_others(environment, pin)


def _check_others(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    # Reading thousands of files would take longer than all other checks; most damage shows in which files are there.
    broken = [
        item
        for item in environment.distributions
        if pin.find(item.name) is None and not item.is_egg and not os.path.isfile(f"{item.path}/METADATA")
    ]
    evidence = [Evidence(str(problem.path), problem.expected, problem.found) for problem in environment.problems]
    evidence += [Evidence(f"{item.path}/METADATA", tell("a file"), tell("nothing that can be read")) for item in broken]
    for path in environment.pth_files:
        content = read_pth(path)
        if content is None or not content.is_utf8:
            evidence.append(
                Evidence(
                    str(path), tell("UTF-8"), tell("it cannot be read") if content is None else tell("other bytes")
                )
            )
    if evidence:
        names = tuple(item.name for item in broken)
        yield Finding(
            kind=FindingKind.METADATA_BROKEN,
            title=tell(
                "{evidence_count} records of the environment cannot be read, so their distributions cannot be judged",
                evidence_count=len(evidence),
            ),
            evidence=truncate(evidence),
            cause=tell("an install was interrupted, or the files were damaged or belong to somebody else"),
            remedy=build_uninstall_command(environment, *names) if names else None,
            packages=names,
        )


def _find_problem(item: Distribution) -> Evidence | None:
    data = item.metadata()
    path = str(item.path / "METADATA")
    if data is None:
        # A missing file is a finding of the check of files.
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Evidence(path, tell("UTF-8"), tell("a byte that is none, at {start}", start=error.start))
    versions = item.headers("Version")
    if not versions or not versions_equal(versions[0], item.version):
        return Evidence(
            path,
            tell("Version: {version}", version=item.version),
            tell("Version: {versions}", versions=versions[0]) if versions else tell("no Version"),
        )
    return None
