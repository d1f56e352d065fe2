"""Both stages in one answer: what installing a set would do to the vendor's distributions, and who is to blame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from envtool.errors import ResolutionError
from envtool.release.pin import VendorPin
from envtool.requirements.chain import Chain, Graph, find_chains
from envtool.requirements.metadata import MetadataReader
from envtool.requirements.model import DeclaredRequirement, RequirementSet, Role
from envtool.requirements.pip_emulation import resolve_as_pip
from envtool.requirements.resolve import Resolution, Resolver, VersionChange
from envtool.requirements.static import Effect, LineEffect, Verdict, evaluate, find_line_effects
from envtool.requirements.target import Target
from envtool.requirements.uv_options import Installer

if TYPE_CHECKING:
    from envtool.requirements.suggest import Suggestion


@dataclass(frozen=True)
class Clobber:
    """What would happen to one pinned distribution, and the chains of those who want it."""

    change: VersionChange
    chains: tuple[Chain, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """The verdict on one set for one installer; `installer` is `None` where the first stage settled it for both.

    `notes` are for a person; `suggestion` is there where a clobber was predicted and the second stage ran.
    """

    requirement_set: RequirementSet
    installer: Installer | None
    verdict: Verdict
    why: str
    effects: tuple[LineEffect, ...] = ()
    changes: tuple[VersionChange, ...] = ()
    clobbers: tuple[Clobber, ...] = ()
    suggestion: Suggestion | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def is_bad(self) -> bool:
        """Whether the set must not be installed as it is."""
        return self.verdict in {Verdict.CLOBBERED, Verdict.BLOCKED}

    @property
    def culprits(self) -> tuple[DeclaredRequirement, ...]:
        """The entries that lead to another torch, each once."""
        entries = [chain.entry for clobber in self.clobbers for chain in clobber.chains]
        entries += [remark.entry for remark in self.effects if remark.effect is Effect.REPLACES]
        return tuple(dict.fromkeys(entries))


def pin_constraints(pin: VendorPin) -> tuple[str, ...]:
    """The pinned distributions as constraints."""
    return tuple(f"{item.name}=={item.version}" for item in pin.distributions)


def predict_static(wanted: RequirementSet, target: Target) -> Prediction:
    """The first stage's answer."""
    verdict, why = evaluate(wanted, target)
    return Prediction(wanted, None, verdict, why, find_line_effects(wanted, target))


def predict(
    wanted: RequirementSet, resolver: Resolver, reader: MetadataReader, *, constrained: bool = False
) -> Prediction:
    """Predict what the resolver's installer would do. `constrained`: whether its configuration has the pins.

    Raises `SourceError` where an index cannot be read and `ResolutionError` where nothing meets the set by itself.
    """
    target = resolver.target
    first = predict_static(wanted, target)
    if first.verdict is Verdict.SAFE or wanted.locked or not wanted.requirements:
        return first
    free = resolve_as_pip(wanted, resolver) if resolver.installer is Installer.PIP else resolver.resolve(wanted)
    if free.unsolvable is not None:
        raise _unsolvable_error(wanted, free.unsolvable)
    clobbers = tuple(_clobbers(wanted, resolver, reader, free))
    if any(remark.effect is Effect.REPLACES and remark.entry.role is Role.CONDA for remark in first.effects):
        # No constraint of pip's or uv's holds conda.
        return replace(first, changes=free.changes, clobbers=clobbers)
    if not clobbers:
        return _safe_or_unknown(wanted, resolver, first, free)
    if constrained:
        kept = resolver.resolve(wanted, constraints=pin_constraints(target.pin))
        if kept.unsolvable is None:
            why = "the constraints here hold it to the vendor's"
            return Prediction(wanted, resolver.installer, Verdict.SAFE, why, first.effects, kept.changes)
    verdict = Verdict.BLOCKED if constrained else Verdict.CLOBBERED
    why = "the constraints here stop it" if constrained else str(clobbers[0].change)
    return Prediction(wanted, resolver.installer, verdict, why, first.effects, free.changes, clobbers)


def _safe_or_unknown(wanted: RequirementSet, resolver: Resolver, first: Prediction, free: Resolution) -> Prediction:
    """No pinned distribution would change; what the first stage could not see into stays unknown."""
    blind = wanted.unresolved or tuple(f"conda's {entry.source_text}" for entry in wanted.select_role(Role.CONDA))
    if (blind or wanted.options.other_destination) and first.verdict is Verdict.UNKNOWN:
        return Prediction(wanted, resolver.installer, Verdict.UNKNOWN, first.why, first.effects, free.changes)
    if wanted.options.other_destination and first.verdict is Verdict.CLOBBERED:
        return first
    return Prediction(wanted, resolver.installer, Verdict.SAFE, "torch stays the vendor's", first.effects, free.changes)


def _clobbers(
    wanted: RequirementSet, resolver: Resolver, reader: MetadataReader, free: Resolution
) -> Iterator[Clobber]:
    target = resolver.target
    changed = [
        change
        for item in target.pin.distributions
        if (change := free.find_change(item.name)) is not None and change.after != item.version
    ]
    if not changed:
        return
    graph = Graph(
        free.versions_after(target),
        resolver.parents(wanted, free),
        _RequiresOf(target, reader, frozenset(change.name for change in free.changes)),
    )
    for change in changed:
        yield Clobber(change, find_chains(change.name, wanted.requirements, graph, target))


@dataclass(frozen=True)
class _RequiresOf:
    """Name and version → requirements: of what is installed from its records, of the rest from the index."""

    target: Target
    reader: MetadataReader
    changed: frozenset[str]

    def __call__(self, name: str, version: str) -> tuple[str, ...] | None:
        installed = self.target.installed.get(name)
        if installed is not None and name not in self.changed:
            return installed.requires()
        return self.reader.requires(name, version)


def _unsolvable_error(wanted: RequirementSet, proof: str) -> ResolutionError:
    """uv's proof, with the lines of the file that it speaks of."""
    places = list(_find_named(proof, wanted.requirements))
    where = ", ".join(f"{entry.location} ({entry.display})" for entry in places[:6])
    label = f" ({wanted.label})" if wanted.label else ""
    return ResolutionError(
        f"{wanted.path}{label}: nothing meets all of it, with any torch",
        why=f"{where + ': ' if where else ''}{proof[:1500]}",
        remedy=f"${{EDITOR:-vi}} +{places[0].location.line} {places[0].location.path}" if places else "",
    )


def _find_named(text: str, entries: Iterable[DeclaredRequirement]) -> Iterator[DeclaredRequirement]:
    import re

    for entry in entries:
        if entry.name and re.search(rf"(?<![\w.-]){re.escape(entry.name)}(?![\w-])", text.lower()):
            yield entry
