"""The first stage: what the lines of a file say by themselves, without an index, in milliseconds.

It says "safe" only where an install would have nothing to do, or where the file names all there is to install.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from envtool.release.profile import PINNED_NAMES, TORCH
from envtool.release.version import versions_equal
from envtool.requirements.model import DeclaredRequirement, RequirementSet, Role
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.release.pin import PinnedDistribution
    from envtool.requirements.target import MarkerEnvironment, Target


class Verdict(Enum):
    """The answer about a set: `BLOCKED` is an install that fails because torch is pinned where it would run."""

    SAFE = "safe"
    CLOBBERED = "clobbered"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Effect(Enum):
    """What a line does to the pinned distributions, as far as the line itself tells."""

    KEEPS = "keeps"
    REPLACES = "replaces"
    INTRUDES = "intrudes"


@dataclass(frozen=True)
class LineEffect:
    """What one line does, and why."""

    entry: DeclaredRequirement
    effect: Effect
    why: str


# Conda's packages that write into site-packages/torch and its companions', whatever version is requested for.
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
        if entry.name is None or entry.role is Role.CONSTRAINT or not target.is_applicable(entry):
            continue
        remark = _predict_conda(entry, target) if entry.role is Role.CONDA else _predict_python(entry, wanted, target)
        if remark is not None:
            found.append(remark)
    return tuple(found)


def _predict_conda(entry: DeclaredRequirement, target: Target) -> LineEffect | None:
    name = entry.name or ""
    if _CONDA_TORCH.fullmatch(name):
        return LineEffect(entry, Effect.REPLACES, f"conda's {name} writes its files over the vendor's")
    if _CUDA.fullmatch(name):
        return LineEffect(entry, Effect.INTRUDES, f"{name} is for CUDA, which the accelerator has not")
    if name == "python":
        version = re.search(r"=+\s*(\d+\.\d+)", entry.source_text)
        here = ".".join(target.python.split(".")[:2])
        if version and version[1] != here:
            return LineEffect(entry, Effect.REPLACES, f"the vendor's torch here is built for Python {here}")
    return None


def _predict_python(entry: DeclaredRequirement, wanted: RequirementSet, target: Target) -> LineEffect | None:
    name = entry.name or ""
    if _CUDA.fullmatch(name):
        return LineEffect(entry, Effect.INTRUDES, f"{name} is for CUDA, which the accelerator has not")
    pinned = target.pin.find(name)
    if name not in PINNED_NAMES or pinned is None:
        return None
    why = _explain_replacement(entry, wanted, target, pinned)
    if why is not None:
        return LineEffect(entry, Effect.REPLACES, why)
    return LineEffect(entry, Effect.KEEPS, f"the vendor's {pinned.version} is what it asks for")


def _explain_replacement(
    entry: DeclaredRequirement, wanted: RequirementSet, target: Target, pinned: PinnedDistribution
) -> str | None:
    version, options = pinned.version, wanted.options
    if not target.is_met_by_pin(entry):
        return f"the vendor's is {version}, which {entry.specifier} does not admit"
    if wanted.locked and not any(versions_equal(item.version, version) for item in entry.specifier):
        return f"a lock is installed to the letter, and {version} is another build"
    if entry.link is not None and not entry.specifier:
        return "it is installed from an address, whatever is there"
    if entry.hashes and pinned.sha256 is not None and f"sha256:{pinned.sha256}" not in entry.hashes:
        return "none of its hashes is the vendor wheel's"
    if options.reinstall or options.other_destination:
        return f"{options.other_destination or 'a reinstall'} takes it from an index, which has not the vendor's"
    if (options.upgrade or entry.name in options.upgrade_names) and not _list_pins(entry, version):
        return f"an upgrade takes the newest of the index, not {version}"
    return None


def _list_pins(entry: DeclaredRequirement, version: str) -> bool:
    """Whether an entry admits one version only, so that an upgrade has nowhere to go."""
    return any(item.operator in {"==", "==="} and versions_equal(item.version, version) for item in entry.specifier)


def evaluate(wanted: RequirementSet, target: Target) -> tuple[Verdict, str]:
    """The first stage's verdict on a set, and the reason for it in a few words."""
    noted = find_line_effects(wanted, target)
    replaced = [remark for remark in noted if remark.effect is Effect.REPLACES]
    if replaced:
        return Verdict.CLOBBERED, replaced[0].why
    if wanted.instruction is not None and wanted.instruction.exact:
        named = {entry.name for entry in wanted.requirements}
        if TORCH not in named:
            tool = wanted.instruction.tool
            why = f"{tool} leaves its environment with what the lock names and nothing else, so without torch"
            return Verdict.CLOBBERED, f"{why}; `uv sync --inexact` would keep it" if tool.startswith("uv") else why
    if wanted.unresolved:
        return Verdict.UNKNOWN, wanted.unresolved[0]
    conda = [
        entry for entry in wanted.select_role(Role.CONDA) if entry.name not in {"python", "pip", "setuptools", "wheel"}
    ]
    if conda:
        return Verdict.UNKNOWN, f"what conda's {conda[0].name} brings is not resolved"
    if wanted.locked:
        unnamed = next((entry for entry in wanted.requirements if entry.name is None), None)
        return (Verdict.SAFE, "the lock names no torch") if unnamed is None else (Verdict.UNKNOWN, unnamed.display)
    if wanted.options.other_destination:
        return (
            Verdict.UNKNOWN,
            f"{wanted.options.other_destination} is another place: the torch here does not count there",
        )
    return _evaluate_installed(wanted, target)


def _evaluate_installed(wanted: RequirementSet, target: Target) -> tuple[Verdict, str]:
    """Safe where everything that is requested for is installed, with all that it requires in its turn."""
    requested = [entry for entry in wanted.requirements if target.is_applicable(entry)]
    if not requested:
        return Verdict.SAFE, "it asks for nothing"
    options = wanted.options
    changing = options.upgrade or options.eager or options.upgrade_names or options.reinstall
    for entry in requested:
        if entry.name is None or entry.link is not None or entry.hashes:
            return Verdict.UNKNOWN, f"what {entry.display} requires is not known without its metadata"
        if changing:
            return Verdict.UNKNOWN, "an upgrade or a reinstall takes what the index has"
    queue = [(entry.name or "", Requirement(entry.display)) for entry in requested]
    missing = _find_missing(queue, target)
    if missing is None:
        return Verdict.SAFE, "everything it asks for is installed already"
    return Verdict.UNKNOWN, f"{missing} has to be fetched, and what it requires is not known without an index"


def _find_missing(queue: list[tuple[str, Requirement]], target: Target) -> str | None:
    """The first requirement that is not met by what is installed, all that it requires included."""
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
