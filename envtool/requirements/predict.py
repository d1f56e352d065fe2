"""Predicts what installing a set would do to the vendor's distributions, and which lines are the cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import ResolutionError, UnsolvableError
from envtool.language import join_messages, tell
from envtool.printable import shorten_end
from envtool.requirements.arbitrary_equality import find_unlike_letters
from envtool.requirements.chain import Graph, find_chains
from envtool.requirements.conda_packages import is_harmless_conda
from envtool.requirements.metadata import read_wheel_requires
from envtool.requirements.model import DeclaredRequirement, RequirementSet, Role, SourceLocation
from envtool.requirements.pip_emulation import resolve_as_pip
from envtool.requirements.prediction import Clobber, Prediction
from envtool.requirements.prerelease import list_prereleases
from envtool.requirements.readers.common import parse_requirement
from envtool.requirements.static import Effect, Verdict, evaluate, find_line_effects, find_own_missing
from envtool.requirements.uv_options import Installer
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.metadata import MetadataReader
    from envtool.requirements.resolution import Resolution, VersionChange
    from envtool.requirements.resolve import Resolver
    from envtool.requirements.target import Target


# Where constraints stand that pip or uv is configured with.
# Characters of a proof that is given as it is.
_QUOTED = 1500
_CONFIGURED = SourceLocation(Path("the configuration"), 1)
# Words of uv's for what an index has not, or has for other Pythons only.
_UNAVAILABLE = re.compile(r"was not found in the|there (?:is|are) no versions? of|has no (?:usable )?wheels|no network")


def predict_static(wanted: RequirementSet, target: Target) -> Prediction:
    """Predict from the lines alone, as the first stage."""
    verdict, why = evaluate(wanted, target)
    effects = find_line_effects(wanted, target)
    if verdict is Verdict.SAFE and wanted.uv_entries is not None:
        verdict, why = evaluate(wanted.as_uv_reads_it(), target)
    return Prediction(requirement_set=wanted, verdict=verdict, why=why, effects=effects, failure=wanted.failure)


def predict(
    wanted: RequirementSet, resolver: Resolver, reader: MetadataReader, *, constrained: bool = False
) -> Prediction:
    """Predict what the resolver's installer would do. `constrained`: whether its configuration has the pins.

    Raises `SourceError` where an index cannot be read and `ResolutionError` where nothing meets the set by itself.
    """
    target = resolver.target
    limits = [parse_requirement(line, _CONFIGURED, role=Role.CONSTRAINT) for line in resolver.constraints]
    first = replace(predict_static(replace(wanted, entries=(*wanted.entries, *limits)), target), requirement_set=wanted)
    if first.verdict is Verdict.SAFE or wanted.locked or not wanted.requirements:
        return first
    if resolver.installer is Installer.PIP and find_unlike_letters(wanted, target) is not None:
        return replace(first, installer=resolver.installer)
    free = resolve_as_pip(wanted, resolver) if resolver.installer is Installer.PIP else resolver.resolve(wanted)
    if free.unsolvable is not None:
        if _is_blocked_by_pin(wanted, resolver):
            why = tell(
                "nothing here meets what it asks of torch, and {version} does not", version=target.pin.torch.version
            )
            return replace(first, installer=resolver.installer, verdict=Verdict.BLOCKED, why=why)
        if wanted.unknown_sources:
            # What the known indexes lack may be where nobody can look; what the lines prove holds on every index.
            return replace(first, installer=resolver.installer)
        raise _make_unsolvable_error(wanted, free.unsolvable, target)
    clobbers = tuple(_predict_clobbers(wanted, resolver, reader, free))
    if any(item.effect is Effect.REPLACES and item.entry.role is Role.CONDA for item in first.effects):
        # No constraint of pip's or uv's holds conda.
        return replace(first, changes=free.changes, clobbers=clobbers)
    if not clobbers:
        return _predict_safe_or_unknown(wanted, resolver, first, free)
    if constrained:
        kept = resolver.resolve(wanted, constraints=target.pin.requirements)
        if kept.unsolvable is None:
            why = tell("the constraints here hold it to the vendor's")
            return replace(first, installer=resolver.installer, verdict=Verdict.SAFE, why=why, changes=kept.changes)
    verdict = Verdict.BLOCKED if constrained else Verdict.CLOBBERED
    stopped = tell("the constraints here stop it") if constrained else str(clobbers[0].change)
    settled = replace(first, installer=resolver.installer, verdict=verdict, why=stopped)
    return replace(settled, changes=free.changes, clobbers=clobbers)


def _is_blocked_by_pin(wanted: RequirementSet, resolver: Resolver) -> bool:
    """Whether the set fails because of a vendor's pre-release alone: without it all the rest can be installed."""
    names = [item.name for item in list_prereleases(resolver.target.pin)]
    return bool(names) and resolver.resolve(wanted, without=names).unsolvable is None


def _predict_safe_or_unknown(
    wanted: RequirementSet, resolver: Resolver, first: Prediction, free: Resolution
) -> Prediction:
    """The prediction where no pinned distribution would change: unknown if the first stage could not read all of it."""
    conda = [entry for entry in wanted.select_role(Role.CONDA) if not is_harmless_conda(entry.name or "")]
    blind = wanted.unresolved or wanted.unknown_sources or tuple(f"conda's {entry.source_text}" for entry in conda)
    if (blind or wanted.options.ignores_installed) and first.verdict is Verdict.UNKNOWN:
        return replace(first, installer=resolver.installer, changes=free.changes)
    if wanted.options.other_destination and first.verdict is Verdict.CLOBBERED:
        return first
    why: str = tell("torch stays the vendor's")
    if free.imports_torch:
        why = tell(
            "torch stays the vendor's; a build here imports torch without asking for it, so pip and uv need "
            "--no-build-isolation"
        )
    return replace(first, installer=resolver.installer, verdict=Verdict.SAFE, why=why, changes=free.changes)


def _predict_clobbers(
    wanted: RequirementSet, resolver: Resolver, reader: MetadataReader, free: Resolution
) -> Iterator[Clobber]:
    target = resolver.target
    changed = [
        change
        for item in target.pin.distributions
        if (change := free.find_change(item.name)) is not None and change.after != item.version
    ]
    changed += _find_doubles(target, free)
    if not changed:
        return
    wheels = dict(_find_local_wheels(wanted))
    versions = {**free.versions_after(target), **{name: version for name, (version, _requires) in wheels.items()}}
    requires = {name: lines for name, (_version, lines) in wheels.items()}
    graph = Graph(
        versions,
        resolver.parents(wanted, free),
        _RequiresOf(target, reader, frozenset(change.name for change in free.changes), requires),
    )
    for change in changed:
        yield Clobber(change, find_chains(change.name, wanted.requirements, graph, target))


def _find_doubles(target: Target, free: Resolution) -> list[VersionChange]:
    """What would come in beside a pinned distribution that stands in its place, and writes over its files."""
    return [
        change
        for name, others in target.pin.profile.stand_ins.items()
        if (change := free.find_change(name)) is not None
        and change.after is not None
        and target.pin.find(name) is None
        and any(target.pin.find(other) for other in others)
    ]


def _find_local_wheels(wanted: RequirementSet) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Name, version and requirements of the wheels on this machine that a set names."""
    for entry in wanted.requirements:
        if entry.name is not None and entry.link is not None and (found := read_wheel_requires(entry.link)):
            yield entry.name, found


@dataclass(frozen=True)
class _RequiresOf:
    """Name and version → requirements: of what is installed from its records, of the rest from the index."""

    target: Target
    reader: MetadataReader
    changed: frozenset[str]
    wheels: Mapping[str, tuple[str, ...]]

    def __call__(self, name: str, version: str) -> tuple[str, ...] | None:
        if name in self.wheels:
            return self.wheels[name]
        installed = self.target.installed.get(name)
        if installed is not None and name not in self.changed:
            return installed.requires()
        return self.reader.requires(name, version)


def _make_unsolvable_error(wanted: RequirementSet, proof: str, target: Target) -> ResolutionError:
    """uv's proof, with the lines of the file that it speaks of."""
    for missing in find_own_missing(target):
        if normalize_name(missing.requirement.name) in proof:
            # Whatever the file says, the environment is short of it.
            return ResolutionError(
                join_messages(": ", (str(wanted), str(missing))),
                why=shorten_end(proof, _QUOTED),
                remedy=f"envtool install '{missing.requirement}'",
            )
    places = list(_find_named(proof, wanted.requirements))
    where = ", ".join(f"{entry.location} ({entry.display})" for entry in places[:6])
    # What an index has not got another index may have; a contradiction is one everywhere.
    kind = ResolutionError if _UNAVAILABLE.search(proof) else UnsolvableError
    return kind(
        tell("{path}: nothing meets all of it, with any torch", path=wanted),
        why=f"{where + ': ' if where else ''}{shorten_end(proof, _QUOTED)}",
        remedy=places[0].location.edit_command if places else "",
    )


def _find_named(text: str, entries: Iterable[DeclaredRequirement]) -> Iterator[DeclaredRequirement]:
    for entry in entries:
        if entry.name and re.search(rf"(?<![\w.-]){re.escape(entry.name)}(?![\w-])", text.lower()):
            yield entry
