"""The first stage of a check: judges the lines of a file alone, without an index, in milliseconds.

It says "safe" only where an install has nothing to do, or where the file names everything that is installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envtool.environment.missing_requirements import find_missing_requirements
from envtool.language import tell
from envtool.release.profile import TORCH
from envtool.release.read_profile import DEFAULT
from envtool.release.version import versions_equal
from envtool.requirements.arbitrary_equality import find_letters, find_unlike_letters
from envtool.requirements.conda_packages import is_harmless_conda
from envtool.requirements.model import DeclaredRequirement, RequirementSet, Role
from envtool.requirements.readers.base_images import BaseImages
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envtool.release.pin import PinnedDistribution
    from envtool.requirements.target import MarkerEnvironment, Target


class Verdict(Enum):
    """The answer about a set.

    `BLOCKED`: the install fails, because torch is pinned where it would run, or because no version that pip or uv would
    take by itself is the vendor's (decision 27).
    """

    SAFE = "safe"
    CLOBBERED = "clobbered"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Effect(Enum):
    """What a line alone does to the pinned distributions."""

    KEEPS = "keeps"
    REPLACES = "replaces"
    INTRUDES = "intrudes"


@dataclass(frozen=True)
class LineEffect:
    """What one line does, and why."""

    entry: DeclaredRequirement
    effect: Effect
    why: str


# Conda's packages that, in any version, write into the folders of torch and its companions.
_CONDA_TORCH = re.compile(
    r"(?:py)?torch(?:-cpu|-gpu|-cuda|-mutex|vision|audio)?|libtorch(?:[-_].*)?|torch(?:vision|audio).*"
)
_CUDA = re.compile(
    r"nvidia-.*|triton|pytorch-triton.*|cupy-cuda.*|cuda-(?:python|toolkit|bindings|runtime.*)|cudatoolkit|cudnn|pycuda"
)


def find_line_effects(wanted: RequirementSet, target: Target) -> tuple[LineEffect, ...]:
    """What the lines that name torch, its companions or a known intruder do."""
    found = []
    for entry in wanted.entries:
        if entry.name is None or entry.role in {Role.CONSTRAINT, Role.OVERRIDE} or not target.is_applicable(entry):
            continue
        if entry.role is Role.REMOVAL:
            if target.pin.find(entry.name) is not None or _CONDA_TORCH.fullmatch(entry.name):
                found.append(
                    LineEffect(entry, Effect.REPLACES, tell("it takes the vendor's {name} away", name=entry.name))
                )
            continue
        if (why := _explain_intruder(entry.name, target)) is not None:
            found.append(LineEffect(entry, Effect.INTRUDES, why))
            continue
        effect = _predict_conda(entry, target) if entry.role is Role.CONDA else _predict_python(entry, wanted, target)
        if effect is not None:
            found.append(effect)
    return tuple(found)


def _explain_intruder(name: str, target: Target) -> str | None:
    profile = target.pin.profile
    if profile.id != DEFAULT:
        is_intruder = target.pin.find(name) is None and profile.intruders.matches(name)
        return (
            tell("{name} is for other hardware than {vendor}", name=name, vendor=profile.title) if is_intruder else None
        )
    return tell("{name} is for CUDA, which the accelerator does not have", name=name) if _CUDA.fullmatch(name) else None


def _predict_conda(entry: DeclaredRequirement, target: Target) -> LineEffect | None:
    name = entry.name or ""
    if _CONDA_TORCH.fullmatch(name):
        return LineEffect(entry, Effect.REPLACES, tell("conda's {name} writes its files over the vendor's", name=name))
    if name == "python":
        here = ".".join(target.python.split(".")[:2])
        if not _admits_python(entry.source_text, here):
            return LineEffect(
                entry, Effect.REPLACES, tell("the vendor's torch here is built for Python {version}", version=here)
            )
    return None


def _admits_python(spec: str, version: str) -> bool:
    """Whether one of conda's match specifications admits a Python of two parts; what cannot be read admits it."""
    exact = re.fullmatch(r"(?:\S+::)?python\s*(?:==?|\s)\s*(\d+\.\d+)(?:[.*\s=].*)?", spec)
    if exact:
        return exact[1] == version
    _name, _mark, bounds = spec.rpartition("python")
    try:
        # The newest of its series, so that a bound within it admits it.
        return any(
            SpecifierSet(part).contains(last) for part in bounds.split("|") for last in (version, f"{version}.99")
        )
    except InvalidSpecifier:
        return True


def _predict_python(entry: DeclaredRequirement, wanted: RequirementSet, target: Target) -> LineEffect | None:
    pinned = target.pin.find(entry.name or "")
    if pinned is None or find_letters(entry, pinned.version) is not None:
        return None
    why = _explain_replacement(entry, wanted, target, pinned)
    if why is not None:
        return LineEffect(entry, Effect.REPLACES, why)
    return LineEffect(entry, Effect.KEEPS, tell("the vendor's {version} meets it", version=pinned.version))


def _explain_replacement(
    entry: DeclaredRequirement, wanted: RequirementSet, target: Target, pinned: PinnedDistribution
) -> str | None:
    version, options = pinned.version, wanted.options
    if not target.is_met_by_pin(entry):
        return tell(
            "the vendor's is {version}, which {specifier} does not admit", version=version, specifier=entry.specifier
        )
    if wanted.locked and not any(versions_equal(item.version, version) for item in entry.specifier):
        return tell("a lock is installed to the letter, and {version} is another build", version=version)
    if entry.link is not None and not entry.specifier:
        return tell("it is installed from an address, whatever is there")
    if entry.hashes and pinned.sha256 is not None and f"sha256:{pinned.sha256}" not in entry.hashes:
        return tell("none of its hashes is the vendor wheel's")
    # What is installed for all counts for a user's own site-packages as well (pip documentation, "User Installs").
    if options.reinstall or options.ignores_installed:
        how = options.other_destination or tell("a reinstall")
        return tell("{how} takes it from an index, which has not the vendor's", how=how)
    if wanted.is_constrained:
        return None
    if (options.upgrade or entry.name in options.upgrade_names) and not _is_exact(entry, version):
        return tell("an upgrade takes the newest of the index, not {version}", version=version)
    return None


def _is_stopped(item: LineEffect) -> bool:
    """Whether constraints of pip's and uv's keep a line from its effect."""
    return item.entry.role is Role.REQUIREMENT and item.entry.link is None


def _is_exact(entry: DeclaredRequirement, version: str) -> bool:
    """Whether an entry admits this version only, so that an upgrade keeps it."""
    return any(item.operator in {"==", "==="} and versions_equal(item.version, version) for item in entry.specifier)


def evaluate(wanted: RequirementSet, target: Target) -> tuple[Verdict, str]:
    """The first stage's verdict on a set, and a short reason."""
    effects = find_line_effects(wanted, target)
    replacing = next((item for item in effects if item.effect is Effect.REPLACES), None)
    if wanted.base_image is not None:
        reason = BaseImages().describe_foreign(wanted.base_image) or tell("is none of the vendor's")
        return Verdict.CLOBBERED, tell(
            "{image} {reason}; containers start from a HAC base image", image=wanted.base_image, reason=reason
        )
    if replacing is not None:
        is_stopped = (
            wanted.is_constrained
            and not wanted.options.ignores_installed
            and not any(item.effect is Effect.REPLACES and not _is_stopped(item) for item in effects)
        )
        if is_stopped:
            return Verdict.BLOCKED, tell("{why}; the constraints of the base image stop it", why=replacing.why)
        return Verdict.CLOBBERED, replacing.why
    if (unlike := find_unlike_letters(wanted, target)) is not None:
        return Verdict.BLOCKED, unlike.why
    instruction = wanted.instruction
    # An entry whose marker is never true here (an override with `sys_platform == 'never'`, say) installs nothing.
    named = {entry.name for entry in wanted.requirements if target.is_applicable(entry)}
    if instruction is not None and instruction.exact and TORCH not in named:
        if instruction.tool.startswith("uv"):
            return Verdict.CLOBBERED, tell(
                "{tool} leaves its environment with what the lock names and nothing else, so without torch; "
                "`uv sync --inexact` would keep it",
                tool=instruction.tool,
            )
        return Verdict.CLOBBERED, tell(
            "{tool} leaves its environment with what the lock names and nothing else, so without torch",
            tool=instruction.tool,
        )
    if wanted.failure is not None:
        return Verdict.UNKNOWN, str(wanted.failure)
    if wanted.unresolved:
        return Verdict.UNKNOWN, wanted.unresolved[0]
    conda = [entry for entry in wanted.select_role(Role.CONDA) if not is_harmless_conda(entry.name or "")]
    if conda and not wanted.locked:
        return Verdict.UNKNOWN, tell("what conda's {name} brings is not resolved", name=conda[0].name)
    if wanted.locked:
        unnamed = next((entry for entry in wanted.requirements if entry.name is None), None)
        why = tell("the lock names the vendor's torch") if TORCH in named else tell("the lock names no torch")
        return (Verdict.SAFE, why) if unnamed is None else (Verdict.UNKNOWN, unnamed.display)
    if wanted.options.ignores_installed:
        place = wanted.options.other_destination
        return Verdict.UNKNOWN, tell("{place} is another place: the torch here does not count there", place=place)
    found = _evaluate_installed(wanted, target)
    if found[0] is Verdict.UNKNOWN and wanted.unknown_sources:
        return Verdict.UNKNOWN, wanted.unknown_sources[0]
    return found


def _evaluate_installed(wanted: RequirementSet, target: Target) -> tuple[Verdict, str]:
    """Safe where every requested distribution is installed, with everything that it requires."""
    requested = [entry for entry in wanted.requirements if target.is_applicable(entry)]
    if not requested:
        others = any(entry.role in {Role.CONDA, Role.REMOVAL} for entry in wanted.entries)
        return Verdict.SAFE, tell("nothing that it names has to do with torch") if others else tell(
            "it asks for nothing"
        )
    options = wanted.options
    changing = options.upgrade or options.eager or options.upgrade_names or options.reinstall
    for entry in requested:
        if entry.name is None or entry.link is not None or entry.hashes:
            return Verdict.UNKNOWN, tell(
                "what {requirement} requires is not known without its metadata", requirement=entry.display
            )
        if changing:
            return Verdict.UNKNOWN, tell("an upgrade or a reinstall takes what the index has")
    if (override := next(wanted.select_role(Role.OVERRIDE), None)) is not None:
        return Verdict.UNKNOWN, tell(
            "the override {override} takes the place of what others require", override=override.display
        )
    queue = [(entry.name or "", Requirement(entry.display)) for entry in requested]
    missing = _find_missing(queue, target)
    if missing is None and (limit := _find_unmet_constraint(wanted, target)) is not None:
        return Verdict.UNKNOWN, tell(
            "the constraint {constraint} does not admit what is installed", constraint=limit.display
        )
    if missing is None:
        return Verdict.SAFE, tell("everything it asks for is installed already")
    if own := find_own_missing(target):
        return Verdict.UNKNOWN, tell("{fact}, and what that requires is not known without an index", fact=own[0])
    return Verdict.UNKNOWN, tell(
        "{requirement} has to be fetched, and what it requires is not known without an index", requirement=missing
    )


@dataclass(frozen=True)
class OwnMissing:
    """Something that one of the vendor's own distributions requires and the environment has not."""

    name: str
    requirement: Requirement

    def __str__(self) -> str:
        return tell("{name} needs {requirement}, which is missing", name=self.name, requirement=self.requirement)


def find_own_missing(target: Target) -> list[OwnMissing]:
    """What the vendor's own distributions require and the environment has not."""
    python = tuple(int(part) for part in target.python.split(".") if part.isdigit())
    return [
        OwnMissing(item.name, Requirement(line))
        for pinned in target.pin.distributions
        if (item := target.installed.get(pinned.name)) is not None
        for line in find_missing_requirements(item, target.installed, python)
    ]


def _find_missing(queue: list[tuple[str, Requirement]], target: Target) -> str | None:
    """The first requirement, among these and all that they lead to, that no installed distribution meets."""
    seen: set[tuple[str, frozenset[str]]] = set()
    here = target.marker_environment
    while queue:
        name, requirement = queue.pop()
        item = target.installed.get(name)
        if item is None or not _admits(requirement, item.version):
            return str(requirement)
        key = (name, frozenset(requirement.extras))
        if key not in seen:
            seen.add(key)
            queue += [
                (normalize_name(inner.name), inner)
                for inner in _list_requires(item.requires(), requirement.extras, here)
            ]
    return None


def _find_unmet_constraint(wanted: RequirementSet, target: Target) -> DeclaredRequirement | None:
    """A constraint that an installed distribution breaks: an installer replaces that, once it is asked for."""
    for entry in wanted.select_role(Role.CONSTRAINT):
        item = target.installed.get(entry.name or "")
        if item is not None and target.is_applicable(entry) and not _admits(Requirement(entry.display), item.version):
            return entry
    return None


def _admits(requirement: Requirement, version: str) -> bool:
    try:
        return requirement.url is None and requirement.specifier.contains(version, prereleases=True)
    except ValueError:
        # An installed version that is none.
        return False


def _list_requires(lines: tuple[str, ...], extras: set[str], here: MarkerEnvironment) -> Iterator[Requirement]:
    for line in lines:
        try:
            inner = Requirement(line)
        except InvalidRequirement:
            continue
        values = ("", *sorted(extras))
        if inner.marker is None or any(inner.marker.evaluate({**here, "extra": extra}) for extra in values):
            yield inner
