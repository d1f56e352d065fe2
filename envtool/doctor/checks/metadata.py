"""Records that cannot be read as what they should be."""

from __future__ import annotations

import os
from collections.abc import Iterator

from envtool.doctor.findings import Evidence, Finding, Severity, truncated
from envtool.doctor.remedy import build_restore_command, build_uninstall_command
from envtool.environment.distribution import Distribution
from envtool.environment.pth import read_pth
from envtool.environment.reader import Environment
from envtool.release.pin import VendorPin
from envtool.release.version import versions_equal


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """One finding for the pinned distributions' metadata, one for everybody else's."""
    for pinned in pin.distributions:
        for item in environment.find(pinned.name):
            if trouble := _trouble(item):
                yield Finding(
                    "torch-metadata-broken",
                    Severity.WARNING,
                    f"the metadata of {pinned.name} {item.version} is broken",
                    (trouble,),
                    "it was edited or is corrupt",
                    build_restore_command(environment, pin),
                    pinned.name,
                )
    yield from _others(environment, pin)


def _others(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    odd = [Evidence(str(trouble.path), trouble.expected, trouble.found) for trouble in environment.problems]
    # Reading thousands of files takes longer than all the rest; whether one is there shows nearly all that goes wrong.
    odd += [
        Evidence(f"{item.path}/METADATA", "a file", "nothing that can be read")
        for item in environment.distributions
        if pin.find(item.name) is None and not item.is_egg and not os.path.isfile(f"{item.path}/METADATA")
    ]
    for path in environment.pth_files:
        content = read_pth(path)
        if content is None or not content.is_utf8:
            odd.append(Evidence(str(path), "UTF-8", "it cannot be read" if content is None else "other bytes"))
    if odd:
        names = [item.name for item in environment.distributions if any(str(item.path) in entry.file for entry in odd)]
        yield Finding(
            "metadata-broken",
            Severity.NOTE,
            f"{len(odd)} records of the environment cannot be read, so their distributions cannot be judged",
            truncated(odd),
            "an install was broken off, or the files were damaged or belong to somebody else",
            build_uninstall_command(environment, *names) if names else None,
            packages=tuple(names),
        )


def _trouble(item: Distribution) -> Evidence | None:
    data = item.metadata()
    path = str(item.path / "METADATA")
    if data is None:
        # That a file is missing, the check of files says.
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Evidence(path, "UTF-8", f"a byte that is none, at {error.start}")
    versions = item.headers("Version")
    if not versions or not versions_equal(versions[0], item.version):
        return Evidence(path, f"Version: {item.version}", f"Version: {versions[0]}" if versions else "no Version")
    return None
