"""An environment without a pin and without a vendor torch: what should be there, as far as that can be known.

Imported only where there is neither, which is not the environment that a diagnosis must be quick in.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.cause import find_requirers
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding, Report
from envtool.doctor.remedy import build_vendor_choice
from envtool.environment.history import read_history
from envtool.environment.vendor_profile import EnvironmentEvidence
from envtool.language import join_alternatives, join_messages, tell
from envtool.release.compatibility import find_known_companion, list_known_builds
from envtool.release.pin import HISTORY_FILE
from envtool.release.profile import COMPANIONS, TORCH, Profile
from envtool.release.read_profile import DEFAULT, list_profiles, load_default_profile
from envtool.release.select_profile import find_named_profile
from envtool.release.unknown_vendor import UnknownBuild, find_unknown_build
from envtool.release.version import parse_release, parse_vendor_version

if TYPE_CHECKING:
    from envtool.doctor.cache import DiagnosisCache
    from envtool.environment.reader import Environment

_CACHED = re.compile(r"files of torch-(.+)\.dist-info")


@dataclass(frozen=True)
class LostBuild:
    """A version or a release that should be there, where that is said, and whether it is certain."""

    source: str
    version: str
    is_certain: bool
    reason: str

    @property
    def evidence(self) -> Evidence:
        """As a line of a finding."""
        found = tell(
            "{version} (certainly: {reason})" if self.is_certain else "{version} (likely: {reason})",
            version=self.version,
            reason=self.reason,
        )
        return Evidence(self.source, found, tell("another or none"))


def make_finding(environment: Environment, cache: DiagnosisCache) -> Finding:
    """The finding for an environment that has neither a pin nor a vendor torch."""
    builds = tuple(_list_builds(environment, cache))
    installed = environment.find(TORCH)
    found = ", ".join(item.version for item in installed) or tell("no torch")
    seen = Evidence(
        str(environment.prefix.site_packages),
        tell("torch <version>+…{label}<release>", label=load_default_profile().label),
        found,
    )
    if _is_own(environment):
        return Finding(
            kind=FindingKind.NO_VENDOR_TORCH,
            title=tell("this is envtool's own environment, which has no torch to look after"),
            evidence=(seen,),
            cause=tell("its python comes first on PATH, or it was activated, and no environment was named"),
            remedy=tell("envtool doctor --prefix FOLDER   (the environment that you mean)"),
            distribution=TORCH,
        )
    unknown = _find_unknown(environment)
    if unknown is not None and unknown.is_invalid:
        return _make_unknown_finding(environment, seen, unknown)
    other = _find_other_vendor(environment)
    if other is not None and not builds:
        profile, reason = other
        return Finding(
            kind=FindingKind.TORCH_LOST,
            title=tell(
                "{title} is gone ({found} is there), and no pin says which one it was: {lost}",
                title=profile.title,
                found=found,
                lost=profile.cure.lost,
            ),
            evidence=(Evidence(reason, profile.title, found),),
            cause=_explain(environment),
            remedy=build_vendor_choice(environment, profile),
            distribution=TORCH,
        )
    if builds:
        return Finding(
            kind=FindingKind.TORCH_LOST,
            title=tell("the vendor torch is gone ({found} is there), and no pin says which one it was", found=found),
            evidence=(seen, *(build.evidence for build in builds)),
            cause=_explain(environment),
            remedy=_build_remedy(environment, builds),
            distribution=TORCH,
        )
    if unknown is not None:
        return _make_unknown_finding(environment, seen, unknown)
    return Finding(
        kind=FindingKind.NO_VENDOR_TORCH,
        title=tell("there is no vendor torch here ({found}), and nothing says that there ever was one", found=found),
        evidence=(seen,),
        cause=_explain(environment),
        remedy=_build_remedy(environment, ()),
        distribution=TORCH,
    )


def _make_unknown_finding(environment: Environment, seen: Evidence, unknown: UnknownBuild) -> Finding:
    return Finding(
        kind=FindingKind.TORCH_UNKNOWN_BUILD,
        title=unknown.title,
        evidence=(seen,),
        cause=_explain(environment),
        remedy=unknown.remedy,
        distribution=TORCH,
    )


def _find_unknown(environment: Environment) -> UnknownBuild | None:
    """The installed torch, where it is somebody's build and nobody says whose.

    Of upstream's own labels all is known; on the default vendor's machines whatever is not its build is an intruder. A
    version that installers refuse is named whosoever's it is.
    """
    evidence = EnvironmentEvidence(environment)
    is_told = find_named_profile() is not None or evidence.has_sign(load_default_profile().signs)
    for item in environment.find(TORCH):
        found = find_unknown_build(item.version, evidence)
        if found is not None and not found.is_plain and (found.is_invalid or not is_told):
            return found
    return None


def _find_other_vendor(environment: Environment) -> tuple[Profile, str] | None:
    """Another vendor whose torch should be here, and what says so: it is named, or its own distributions are here."""
    named = find_named_profile()
    if named is not None:
        return None if named.id == DEFAULT else (named, tell("the profile that is named"))
    for profile in list_profiles():
        for name in profile.signs.distributions if profile.detected and profile.id != DEFAULT else ():
            for item in environment.find(name):
                return profile, str(item.path)
    return None


def add_driver_release(report: Report, program: str, release: str) -> Report:
    """The report with what the driver's release tells of the torch that should be there."""
    version = parse_release(release)
    if version is None:
        return report
    environment = report.environment
    known = list_known_builds(environment.prefix.python)
    companions = _find_companion_torch(environment)
    narrowed = [torch for torch in known if torch.partition("+")[0] in companions] or list(known)
    text = join_alternatives(_add_release(torch, str(version.release)) for torch in narrowed)
    text = text or tell("release {release}", release=version.release)
    python = ".".join(map(str, environment.prefix.python))
    lost = LostBuild(
        program, text, False, tell("the driver's release, and what the vendor has for Python {version}", version=python)
    )
    kinds = {FindingKind.NO_VENDOR_TORCH, FindingKind.TORCH_LOST, FindingKind.TORCH_UNKNOWN_BUILD}
    return replace(
        report,
        findings=tuple(
            replace(item, evidence=(*item.evidence, lost.evidence)) if item.kind in kinds else item
            for item in report.findings
        ),
    )


def _add_release(torch: str, release: str) -> str:
    return f"{torch}{'.' if '+' in torch else '+'}{load_default_profile().label}{release}"


def _list_builds(environment: Environment, cache: DiagnosisCache) -> Iterator[LostBuild]:
    """The surest first."""
    history = read_history(environment.prefix.path)
    for change in reversed([change for entry in history for change in entry.changes]):
        if change.distribution == TORCH and change.after is not None and parse_vendor_version(change.after):
            source = str(environment.prefix.path / HISTORY_FILE)
            yield LostBuild(source, change.after, True, tell("envtool put it there"))
            break
    for subject in cache.subjects:
        match = _CACHED.fullmatch(subject)
        if match is not None and parse_vendor_version(match[1]):
            yield LostBuild(str(cache.file), match[1], True, tell("an earlier look of doctor's found it in order"))
    # The vendor's driver as a distribution: its version is the release.
    driver = load_default_profile().driver.distribution
    for item in environment.find(driver) if driver is not None else ():
        yield LostBuild(
            str(item.path),
            tell("release {release}", release=item.version),
            False,
            tell("the vendor's driver is of that release"),
        )


def _find_companion_torch(environment: Environment) -> set[str]:
    """The versions of torch that the installed companions were published for."""
    found = set()
    for torch in list_known_builds(None):
        public = torch.partition("+")[0]
        for name in COMPANIONS:
            for item in environment.find(name):
                if find_known_companion(public, name) == item.version.partition("+")[0]:
                    found.add(public)
    return found


def _explain(environment: Environment) -> str:
    """Who installed the torch that is there, and who asked for it."""
    installed = environment.find(TORCH)
    if not installed:
        return tell("the vendor torch was never installed here, or it was uninstalled")
    item = installed[-1]
    wanting = find_requirers(environment, TORCH, met_by=item.version)
    demands = [demand for demand in wanting if _names_a_version(demand.requirement)]
    if not demands:
        return tell("{installer} installed torch {version}", installer=item.installer, version=item.version)
    return tell(
        "{installer} installed torch {version} because {reasons}",
        installer=item.installer,
        version=item.version,
        reasons=join_messages("; ", map(str, demands)),
    )


def _names_a_version(requirement: str) -> bool:
    return bool(re.search(r"[=<>~]", requirement.partition(";")[0]))


def _build_remedy(environment: Environment, builds: tuple[LostBuild, ...]) -> str:
    from envtool.doctor.remedy import build_restore_command

    command = build_restore_command(environment, None)
    for build in builds:
        version = parse_vendor_version(build.version)
        if version is not None:
            return f"{command} --release {version.release}"
    return command


def _is_own(environment: Environment) -> bool:
    context = environment.context
    if context.is_explicit or not context.is_local:
        return False
    return Path(sys.prefix).resolve() == environment.prefix.path.resolve()
