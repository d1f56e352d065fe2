"""Suggests what to change in a set so that it installs beside the vendor torch: other versions, or lines to leave out.

Each suggestion is a resolution that uv found with the vendor's distributions pinned. Where it found none, its proof
says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from envtool.errors import ResolutionError
from envtool.release.profile import PINNED_NAMES
from envtool.requirements.model import DeclaredRequirement, RequirementSet, Role
from envtool.requirements.predict import make_pin_constraints
from envtool.requirements.prediction import LineChange, Prediction, Suggestion
from envtool.requirements.static import Effect, LineEffect
from envtool.requirements.torch_demands import quote_lowest_demand, summarize_proof
from envtool.requirements.version_search import SearchResult, find_newest_compatible

if TYPE_CHECKING:
    from envtool.requirements.chain import Chain
    from envtool.requirements.metadata import MetadataReader
    from envtool.requirements.resolve import Resolution, Resolver
    from envtool.requirements.target import Target

# Resolutions at once: they wait for the index most of the time.
_AT_ONCE = 4


def suggest(answer: Prediction, resolver: Resolver, reader: MetadataReader) -> Suggestion:
    """The smallest change that helps: pins of torch alone, else other versions, else fewer lines.

    Raises `SourceError` and `ResolutionError`.
    """
    wanted, target = answer.requirement_set, resolver.target
    pinned = [_pin_entry(entry, target) for entry in wanted.requirements]
    hard = {chain.entry for chain in _find_chains(answer) if chain.culprit not in PINNED_NAMES}
    culprits = hard | {entry for entry in answer.culprits if entry.name not in PINNED_NAMES}
    bounds, impossible = _find_bounds(answer, target, reader)
    steps: tuple[set[DeclaredRequirement], ...] = (set(), hard, culprits, set(wanted.requirements))
    # With the bounds uv need not try version after version; if they mislead, it does without them.
    for limits in dict.fromkeys((bounds, ())):
        if not limits:
            impossible = {**_find_impossible(wanted, resolver, hard - set(impossible)), **impossible}
        seen: list[list[DeclaredRequirement]] = []
        for free in steps:
            entries = _loosen(wanted, pinned, free, impossible)
            if entries in seen:
                continue
            seen.append(entries)
            held = _resolve(resolver, wanted, entries, limits)
            if held.unsolvable is None:
                return _compare(answer, entries, impossible, held, target)
    return Suggestion(none=summarize_proof(held.unsolvable or "", target))


def _find_bounds(
    answer: Prediction, target: Target, reader: MetadataReader
) -> tuple[tuple[str, ...], Mapping[DeclaredRequirement, str]]:
    """Upper bounds for those that ask for another torch, and the lines that ask for one in every version."""
    names = dict.fromkeys(chain.culprit for chain in _find_chains(answer) if chain.culprit not in PINNED_NAMES)
    requested = {entry.name for entry in answer.requirement_set.requirements}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        searches = pool.map(lambda name: find_newest_compatible(name, reader, target, prove=name in requested), names)
        return _derive_bounds(dict(zip(names, searches, strict=True)), answer.requirement_set)


def _derive_bounds(
    searches: Mapping[str, SearchResult], wanted: RequirementSet
) -> tuple[tuple[str, ...], dict[DeclaredRequirement, str]]:
    """From searches: bounds as constraints, and the lines of which no version goes with the vendor's torch."""
    by_name = {entry.name: entry for entry in wanted.requirements}
    bounds = tuple(f"{name}<={search.newest}" for name, search in searches.items() if search.newest is not None)
    impossible = {
        by_name[name]: quote_lowest_demand(search.demands)
        for name, search in searches.items()
        if search.newest is None and search.complete and name in by_name
    }
    return bounds, impossible


def _find_impossible(
    wanted: RequirementSet, resolver: Resolver, entries: set[DeclaredRequirement]
) -> dict[DeclaredRequirement, str]:
    """The entries that cannot be installed beside the vendor torch even alone, each with the reason."""
    ordered = [entry for entry in wanted.requirements if entry in entries]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        alone = list(pool.map(lambda entry: _resolve(resolver, wanted, [entry.unpinned()]), ordered))
    return {
        entry: summarize_proof(resolution.unsolvable, resolver.target)
        for entry, resolution in zip(ordered, alone, strict=True)
        if resolution.unsolvable is not None
    }


def _find_chains(answer: Prediction) -> Iterator[Chain]:
    return (chain for clobber in answer.clobbers for chain in clobber.chains)


def _loosen(
    wanted: RequirementSet,
    pinned: Sequence[DeclaredRequirement],
    free: set[DeclaredRequirement],
    impossible: Mapping[DeclaredRequirement, str],
) -> list[DeclaredRequirement]:
    """The set's lines without the impossible ones; those that are `free` may have any version."""
    return [
        entry.unpinned() if original in free and entry.name not in PINNED_NAMES else entry
        for original, entry in zip(wanted.requirements, pinned, strict=True)
        if original not in impossible
    ]


def _resolve(
    resolver: Resolver, wanted: RequirementSet, entries: Sequence[DeclaredRequirement], bounds: Sequence[str] = ()
) -> Resolution:
    # Hashes belong to versions that may change.
    without_hashes = [replace(entry, hashes=()) for entry in entries]
    eased = replace(wanted, options=replace(wanted.options, require_hashes=False, reinstall=False))
    pins = (*make_pin_constraints(resolver.target.pin), *bounds)
    try:
        return resolver.resolve(eased, entries=without_hashes, constraints=pins)
    except ResolutionError:
        # A source distribution of some version could not be built, often an old one; wheels may do.
        wheels = replace(eased, options=replace(eased.options, only_binary=(":all:",)))
        return resolver.resolve(wheels, entries=without_hashes, constraints=pins)


def _pin_entry(entry: DeclaredRequirement, target: Target) -> DeclaredRequirement:
    """The entry with exactly the vendor's version, if it names a pinned distribution."""
    pinned = target.pin.find(entry.name or "")
    if pinned is None:
        return entry
    return replace(entry.unpinned(), specifier=SpecifierSet(f"=={pinned.version}"))


def _compare(
    answer: Prediction,
    settled: Sequence[DeclaredRequirement],
    impossible: Mapping[DeclaredRequirement, str],
    held: Resolution,
    target: Target,
) -> Suggestion:
    """The differences between the files and a resolution with torch pinned."""
    found = []
    for entry in answer.requirement_set.requirements:
        if entry in impossible:
            found.append(LineChange(entry, None, impossible[entry]))
        elif target.is_applicable(entry):
            found += _find_change(entry, answer, settled, held, target)
    gone = {item.entry for item in found}
    found += [
        LineChange(item.entry, None, item.why)
        for item in answer.effects
        if _is_removed(item) and item.entry not in gone
    ]
    named = {entry.name for entry in answer.requirement_set.requirements}
    changed = {clobber.change.name for clobber in answer.clobbers}
    added = [item for item in target.pin.distributions if item.name in changed - named]
    return Suggestion(tuple(found), tuple(f"{item.name}=={item.version}" for item in added))


def _is_removed(item: LineEffect) -> bool:
    return item.effect is Effect.INTRUDES or (item.effect is Effect.REPLACES and item.entry.role is Role.CONDA)


def _find_change(
    entry: DeclaredRequirement,
    answer: Prediction,
    settled: Sequence[DeclaredRequirement],
    held: Resolution,
    target: Target,
) -> Iterator[LineChange]:
    """The change of one line, if with the vendor's torch it gets another version than without."""
    name = entry.name or ""
    if (pinned := target.pin.find(name)) is not None:
        if str(entry.specifier) != f"=={pinned.version}" or entry.hashes or entry.link is not None:
            yield LineChange(entry, f"=={pinned.version}", "the vendor's build")
        return
    after = held.versions_after(target)
    freely = next((change.after for change in answer.changes if change.name == name), after.get(name))
    if name in after and any(item.location == entry.location for item in settled) and after[name] != freely:
        links = [link for chain in _find_chains(answer) if chain.entry == entry for link in chain.links[-1:]]
        why = str(links[0]) if links else f"{name} {freely} does not go with the vendor's torch"
        yield LineChange(entry, f"=={after[name]}", why)
