"""Case 5: conda put its own torch over the vendor's, with or without touching pip's records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.environment.conda_records import CondaRecord, find_transaction, read_conda_records
from envtool.language import tell
from envtool.regular_file import read_regular_file

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import PinnedDistribution, VendorPin

# Two builds of a distribution never agree in this file, and it is small.
_TELLING_FILES = ("version.py", "__init__.py")


def check(environment: Environment, pin: VendorPin, damaged: frozenset[str]) -> Iterator[Finding]:
    """Check whether the files of damaged distributions are now those of a conda package.

    conda's and pip's records of torch can lawfully coexist, where the vendor's wheel was put over conda's package; so
    only what other checks found damaged is asked about, and only by what is in the files.
    """
    for pinned in pin.distributions:
        if pinned.name in damaged:
            for record in find_overlying_records(environment, pinned.name):
                yield _make_finding(environment, record, pinned)
                break


def find_overlying_records(environment: Environment, name: str) -> Iterator[CondaRecord]:
    """Find conda's records of packages whose files lie where those of the distribution `name` should be."""
    folder = f"site-packages/{name}/"
    for _path, record in read_conda_records(environment.prefix.path, folder.encode()):
        if record is not None and _has_its_files(environment, record, folder):
            yield record


def _has_its_files(environment: Environment, record: CondaRecord, folder: str) -> bool:
    for name, digest in record.digests.items():
        if name.endswith(tuple(folder + telling for telling in _TELLING_FILES)):
            try:
                data = read_regular_file(environment.prefix.path / name)
            except (OSError, ValueError):
                continue
            return hashlib.sha256(data).hexdigest() == digest
    return False


def _make_finding(environment: Environment, record: CondaRecord, pinned: PinnedDistribution) -> Finding:
    transaction = find_transaction(environment.prefix.path, record)
    package: str = record.distribution
    if record.channel:
        package = tell("{package} from {channel}", package=package, channel=record.channel)
    cause = tell("conda installed {package}", package=package)
    if transaction is not None and transaction.command:
        cause = tell(
            "conda installed {package} on {time}, by: {command}",
            package=package,
            time=transaction.time,
            command=transaction.command,
        )
    elif transaction is not None:
        cause = tell("conda installed {package} on {time}", package=package, time=transaction.time)
    elif record.requested:
        cause = tell(
            "conda installed {package}, because {requested!r} was asked for",
            package=package,
            requested=record.requested,
        )
    return Finding(
        kind=FindingKind.TORCH_CONDA_OVERWRITTEN,
        title=tell(
            "conda's package {name} {version} lies over the vendor's {distribution}",
            name=record.name,
            version=record.version,
            distribution=pinned.name,
        ),
        evidence=(
            Evidence(
                str(record.path), f"{pinned.name} {pinned.version}", f"{record.name} {record.version} {record.build}"
            ),
        ),
        cause=cause,
        distribution=pinned.name,
    )
