"""Which pin an environment is to be held against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.environment.leftover import match_leftover, parse_leftover_version
from envtool.release.pin import PinnedDistribution, PinOrigin, VendorPin, read_pin
from envtool.release.profile import COMPANIONS, TORCH
from envtool.release.version import parse_vendor_version
from envtool.wheel.requires import find_requirements_on

if TYPE_CHECKING:
    from envtool.environment.reader import Environment


def find_effective_pin(environment: Environment) -> VendorPin | None:
    """The environment's own pin file; where it has none, the vendor build that its records name.

    Raises `ReleaseError` for a pin file that cannot be read.
    """
    return read_pin(environment.prefix.path) or infer_pin(environment)


def infer_pin(environment: Environment) -> VendorPin | None:
    """What the records themselves name, the surest first: an installed vendor torch, then pip's leftovers.

    After that, what an installed companion requires. Without a wheel there is no hash to hold anything to.
    """
    for version, detail in _list_named_versions(environment):
        if parse_vendor_version(version):
            torch = PinnedDistribution(name=TORCH, version=version)
            return VendorPin((torch, *_list_companions(environment, version)), PinOrigin.RECORDS, detail=detail)
    return None


def _list_named_versions(environment: Environment) -> Iterator[tuple[str, str]]:
    for item in environment.find(TORCH):
        yield item.version, str(item.path)
    for path in environment.leftovers:
        version = parse_leftover_version(path.name)
        if version is not None and match_leftover(path.name, (TORCH,)):
            yield version, str(path)
    for name in COMPANIONS:
        for item in environment.find(name):
            for requirement in find_requirements_on(item.requires(), TORCH):
                for specifier in requirement.specifier:
                    if specifier.operator in {"==", "==="}:
                        yield specifier.version, str(item.path / "METADATA")


def _list_companions(environment: Environment, torch: str) -> tuple[PinnedDistribution, ...]:
    """The installed companions, as far as their metadata says that they belong to this torch."""
    found = []
    for name in COMPANIONS:
        for item in environment.find(name):
            required = tuple(find_requirements_on(item.requires(), TORCH))
            if required and all(entry.specifier.contains(torch, prereleases=True) for entry in required):
                found.append(PinnedDistribution(name=name, version=item.version))
                break
    return tuple(found)
