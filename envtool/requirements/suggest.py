"""What to change in a set so that it lives with the vendor torch: versions to take, and what to leave out.

Each suggestion is a resolution that uv found with the vendor's distributions pinned; where there is none, its proof
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

# Resolutions under way together: they wait for the index most of the time.
_AT_ONCE = 4


def suggest(answer: Prediction, resolver: Resolver, reader: MetadataReader) -> Suggestion:
    """The smallest change that was found: no line where pinning torch suffices, then versions, then leaving out.

    Raises `SourceError` and `ResolutionError`.
    """
    wanted, target = answer.requirement_set, resolver.target
    settled = [_pin_entry(entry, target) for entry in wanted.requirements]
    hard = {chain.entry for chain in _find_chains(answer) if chain.culprit not in PINNED_NAMES}
    culprits = hard | {entry for entry in answer.culprits if entry.name not in PINNED_NAMES}
    bounds, impossible = _find_bounds(answer, target, reader)
    steps: tuple[set[DeclaredRequirement], ...] = (set(), hard, culprits, set(wanted.requirements))
    # Within the bounds uv need not walk there version by version; where they mislead, it does.
    for limits in dict.fromkeys((bounds, ())):
        if not limits:
            impossible = {**_find_impossible(wanted, resolver, hard - set(impossible)), **impossible}
        seen: list[list[DeclaredRequirement]] = []
        for free in steps:
            entries = _loosen(wanted, settled, free, impossible)
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
    """Upper bounds for those that ask for another torch, and the lines of which no version can do without one."""
    names = dict.fromkeys(chain.culprit for chain in _find_chains(answer) if chain.culprit not in PINNED_NAMES)
    requested = {entry.name for entry in answer.requirement_set.requirements}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        searches = pool.map(lambda name: find_newest_compatible(name, reader, target, prove=name in requested), names)
        return _derive_bounds(dict(zip(names, searches, strict=True)), answer.requirement_set)


def _derive_bounds(
    searches: Mapping[str, SearchResult], wanted: RequirementSet
) -> tuple[tuple[str, ...], dict[DeclaredRequirement, str]]:
    """What searches come down to: bounds as constraints, and the lines that no version of can live with torch."""
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
    """Those that cannot be had beside the vendor torch even by themselves, for what they require in their turn."""
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
    settled: Sequence[DeclaredRequirement],
    free: set[DeclaredRequirement],
    impossible: Mapping[DeclaredRequirement, str],
) -> list[DeclaredRequirement]:
    """The set's lines without those that are impossible, some of them in any version."""
    return [
        entry.unpinned() if original in free and entry.name not in PINNED_NAMES else entry
        for original, entry in zip(wanted.requirements, settled, strict=True)
        if original not in impossible
    ]


def _resolve(
    resolver: Resolver, wanted: RequirementSet, entries: Sequence[DeclaredRequirement], bounds: Sequence[str] = ()
) -> Resolution:
    # Hashes belong to the versions that are being given up.
    free_of_hashes = [replace(entry, hashes=()) for entry in entries]
    eased = replace(wanted, options=replace(wanted.options, require_hashes=False, reinstall=False))
    pins = (*make_pin_constraints(resolver.target.pin), *bounds)
    try:
        return resolver.resolve(eased, entries=free_of_hashes, constraints=pins)
    except ResolutionError:
        # A source distribution of some version could not be built, often an old one; wheels may do.
        wheels = replace(eased, options=replace(eased.options, only_binary=(":all:",)))
        return resolver.resolve(wheels, entries=free_of_hashes, constraints=pins)


def _pin_entry(entry: DeclaredRequirement, target: Target) -> DeclaredRequirement:
    """A line that names a pinned distribution, with exactly the vendor's version."""
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
    """The differences between what the files say and what was resolved with torch pinned."""
    found = []
    for entry in answer.requirement_set.requirements:
        if entry in impossible:
            found.append(LineChange(entry, None, impossible[entry]))
        elif target.is_applicable(entry):
            found += _find_change(entry, answer, settled, held, target)
    gone = {item.entry for item in found}
    found += [
        LineChange(remark.entry, None, remark.why)
        for remark in answer.effects
        if _is_removed(remark) and remark.entry not in gone
    ]
    named = {entry.name for entry in answer.requirement_set.requirements}
    changed = {clobber.change.name for clobber in answer.clobbers}
    added = [item for item in target.pin.distributions if item.name in changed - named]
    return Suggestion(tuple(found), tuple(f"{item.name}=={item.version}" for item in added))


def _is_removed(remark: LineEffect) -> bool:
    return remark.effect is Effect.INTRUDES or (remark.effect is Effect.REPLACES and remark.entry.role is Role.CONDA)


def _find_change(
    entry: DeclaredRequirement,
    answer: Prediction,
    settled: Sequence[DeclaredRequirement],
    held: Resolution,
    target: Target,
) -> Iterator[LineChange]:
    """The replacement of one line, where the version that lives with the vendor torch is not the one it would get."""
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
