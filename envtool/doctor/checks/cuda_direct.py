"""Case 11: packages that link the CUDA driver or its libraries themselves, whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.cache import DiagnosisCache
from envtool.doctor.cause import find_requirers
from envtool.doctor.checks.cuda_wheels import is_cuda_wheel
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, truncate
from envtool.doctor.remedy import build_uninstall_command
from envtool.environment.elf import SharedObjectError, can_need, content_can_need, read_needed_libraries
from envtool.language import tell
from envtool.release.profile import PINNED_NAMES, Profile
from envtool.release.read_profile import load_default_profile

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment

# A piece of each of those names; a file without any of them needs no closer look.
_FRAGMENTS = (b"libcu", b"libnccl", b"libnv", b"libnpp")
_SHARED_OBJECT = re.compile(rb"^([^,\n]+\.so(?:\.[0-9.]+)?),", re.MULTILINE)
Links = Mapping[str, tuple[str, ...]]


def check(
    environment: Environment, cache: DiagnosisCache | None = None, profile: Profile | None = None
) -> Iterator[Finding]:
    """Check each distribution for shared objects that need a library which cannot work with the vendor's torch: CUDA's.

    A distribution that `cache` knows to need none is not read again until it is installed anew.
    """
    profile = profile or load_default_profile()
    if profile.unusable is None:
        return
    cache = cache or DiagnosisCache(None)
    for item in environment.distributions:
        if item.name in PINNED_NAMES or profile.find_pinned(item.name) or is_cuda_wheel(item.name, profile):
            continue
        subject, record = f"links of {item.path.name}", f"{item.path}/RECORD"
        if cache.get(subject, record) == "none":
            continue
        links = find_cuda_links(item)
        if links:
            yield _make_finding(environment, item, links)
        else:
            cache.put(subject, record, "none")


def find_cuda_links(item: Distribution) -> Links:
    """Find the distribution's shared objects that need CUDA libraries, and which those are."""
    data = item.read("RECORD")
    if data is None or b".so" not in data:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for match in _SHARED_OBJECT.finditer(data):
        # A name with a comma or a quote is written in quotes; no installer makes such shared objects.
        path = f"{item.site_packages}/{match[1].decode('utf-8', 'surrogateescape')}"
        if not can_need_cuda(path):
            continue
        try:
            libraries = read_needed_libraries(Path(path))
        except SharedObjectError:
            # It is missing or no shared object at all: then it links nothing.
            continue
        if named := tuple(name for name in libraries if is_cuda_library(name)):
            found[path] = named
    return found


def is_cuda_library(name: str) -> bool:
    """Whether a shared object of that name is CUDA's."""
    pattern = load_default_profile().unusable
    return pattern is not None and pattern.match(name) is not None


def can_need_cuda(path: str) -> bool:
    """Whether a shared object may need a CUDA library. `False` is certain."""
    return can_need(path, _FRAGMENTS)


def content_can_need_cuda(data: bytes) -> bool:
    """Like `can_need_cuda`, for a shared object's whole content."""
    return content_can_need(data, _FRAGMENTS)


def _make_finding(environment: Environment, item: Distribution, links: Links) -> Finding:
    wanting = find_requirers(environment, item.name)
    libraries = sorted({name for names in links.values() for name in names})
    return Finding(
        kind=FindingKind.CUDA_DIRECT,
        title=tell(
            "{name} {version} calls CUDA directly ({libraries}), which cannot run here",
            name=item.name,
            version=item.version,
            libraries=", ".join(libraries[:4]),
        ),
        evidence=truncate(Evidence(path, tell("no CUDA library"), ", ".join(names)) for path, names in links.items()),
        cause="; ".join(str(demand) for demand in wanting)
        or tell("{installer} installed it; no distribution requires it", installer=item.installer),
        remedy=build_uninstall_command(environment, item.name),
        packages=(item.name,),
    )
