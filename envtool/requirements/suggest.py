"""Suggests what to change in a set so that it installs beside the vendor torch: other versions, or lines to leave out.

Each suggestion is a resolution that uv found with the vendor's distributions pinned. Where it found none, its proof
says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from envtool.errors import ResolutionError, SourceError
from envtool.language import tell
from envtool.release.profile import PINNED_NAMES
from envtool.requirements.model import DeclaredRequirement, RequirementSet, Role, SourceLocation
from envtool.requirements.pip_emulation import resolve_as_pip
from envtool.requirements.prediction import LineChange, Prediction, Suggestion
from envtool.requirements.readers.common import parse_requirement
from envtool.requirements.static import Effect, LineEffect
from envtool.requirements.tighten import Tightened, tighten
from envtool.requirements.torch_demands import quote_lowest_demand, summarize_proof
from envtool.requirements.version_search import SearchResult, find_newest_compatible

if TYPE_CHECKING:
    from envtool.requirements.chain import Chain
    from envtool.requirements.metadata import MetadataReader
    from envtool.requirements.resolution import Resolution
    from envtool.requirements.resolve import Resolver
    from envtool.requirements.target import Target

# Resolutions at once: they wait for the index most of the time.
_AT_ONCE = 4
_VENDORS = tell("the vendor's build")
# Seconds that a further resolution is begun with.
_ENOUGH = 10.0


def suggest(
    answer: Prediction, resolver: Resolver, reader: MetadataReader, base: Suggestion | None = None
) -> Suggestion:
    """The smallest change that helps: pins of torch alone, else other versions, else fewer lines.

    `base` is what helps a set that this one is more than: of its changes none can be left out here either, so that they
    are all, where they suffice. Raises `SourceError` and `ResolutionError`.
    """
    wanted, target = answer.requirement_set, resolver.target
    if base is not None and base.none is None and _suffices(base, wanted, resolver):
        return base
    pinned = [_pin_entry(entry, target) for entry in wanted.requirements]
    hard = {chain.entry for chain in _find_chains(answer) if chain.culprit not in PINNED_NAMES}
    culprits = hard | {entry for entry in answer.culprits if entry.name not in PINNED_NAMES}
    bounds, impossible = _find_bounds(answer, target, reader)
    steps: tuple[set[DeclaredRequirement], ...] = (set(), hard, culprits, set(wanted.requirements))
    # With the bounds uv need not try version after version; if they mislead, it does without them.
    for limits in dict.fromkeys((bounds, ())):
        if not limits:
            impossible = {**_find_impossible(wanted, resolver, hard - set(impossible)), **impossible}
        if (fixed := next((entry for entry in impossible if entry.link is not None), None)) is not None:
            # What is installed from an address is that, and no project of the same name on an index.
            return Suggestion(none=_explain_address(fixed, answer, impossible[fixed]))
        kept = [entry for entry in wanted.requirements if entry not in impossible]
        tight = [entry for entry, original in zip(pinned, wanted.requirements, strict=True) if original in kept]
        seen: list[list[DeclaredRequirement]] = []
        for free in steps:
            entries = _loosen(kept, tight, free)
            if entries in seen:
                continue
            seen.append(entries)
            held = _resolve(resolver, wanted, entries, limits)
            if held.unsolvable is None:
                resolve = partial(_resolve, resolver, wanted, bounds=limits)
                last = {entry for entry, original in zip(tight, kept, strict=True) if original in culprits}
                solution = tighten(tight, entries, held, resolve, last, lambda: resolver.seconds_left > _ENOUGH)
                return _compare(answer, _restore_originals(solution, kept, tight), impossible, resolver)
    return Suggestion(none=summarize_proof(held.unsolvable or "", target))


def _restore_originals(
    solution: Tightened, kept: Sequence[DeclaredRequirement], tight: Sequence[DeclaredRequirement]
) -> Tightened:
    """The solution in terms of the file's lines, where those of the vendor's distributions are not pinned yet."""
    by_tight = dict(zip(tight, kept, strict=True))
    return replace(
        solution,
        loose=frozenset(by_tight[entry] for entry in solution.loose),
        reasons={by_tight[entry]: why for entry, why in solution.reasons.items()},
    )


def _explain_address(entry: DeclaredRequirement, answer: Prediction, proof: str) -> str:
    links = [str(link) for chain in _find_chains(answer) if chain.entry == entry for link in chain.links[-1:]]
    reason = links[0] if links else proof
    return tell("{requirement} is installed from an address, and {reason}", requirement=entry.display, reason=reason)


def _find_bounds(
    answer: Prediction, target: Target, reader: MetadataReader
) -> tuple[tuple[str, ...], Mapping[DeclaredRequirement, str]]:
    """Upper bounds for those that ask for another torch, and the lines that ask for one in every version."""
    linked = {entry.name for entry in answer.requirement_set.requirements if entry.link is not None}
    culprits = dict.fromkeys(chain.culprit for chain in _find_chains(answer))
    names = [name for name in culprits if name not in PINNED_NAMES and name not in linked]
    requested = {entry.name for entry in answer.requirement_set.requirements}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        searches = pool.map(lambda name: find_newest_compatible(name, reader, target, prove=name in requested), names)
        return _derive_bounds(dict(zip(names, searches, strict=True)), answer.requirement_set)


def _derive_bounds(
    searches: Mapping[str, SearchResult], wanted: RequirementSet
) -> tuple[tuple[str, ...], dict[DeclaredRequirement, str]]:
    """From searches: bounds as constraints, and the lines of which no version goes with the vendor's torch."""
    by_name = {entry.name: entry for entry in wanted.requirements if entry.link is None}
    bounds = tuple(f"{name}<{search.refused}" for name, search in searches.items() if search.refused is not None)
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
        alone = list(pool.map(lambda entry: _resolve(resolver, wanted, [_loosen_entry(entry)]), ordered))
    return {
        entry: summarize_proof(resolution.unsolvable, resolver.target)
        for entry, resolution in zip(ordered, alone, strict=True)
        if resolution.unsolvable is not None
    }


def _find_chains(answer: Prediction) -> Iterator[Chain]:
    return (chain for clobber in answer.clobbers for chain in clobber.chains)


def _loosen(
    kept: Sequence[DeclaredRequirement], tight: Sequence[DeclaredRequirement], free: set[DeclaredRequirement]
) -> list[DeclaredRequirement]:
    """The lines; those that are `free` may have any version."""
    return [
        _loosen_entry(entry) if original in free and entry.name not in PINNED_NAMES else entry
        for original, entry in zip(kept, tight, strict=True)
    ]


def _loosen_entry(entry: DeclaredRequirement) -> DeclaredRequirement:
    """The line for any version of the same thing: what comes from an address stays that."""
    return entry if entry.link is not None else entry.unpinned()


def _resolve(
    resolver: Resolver, wanted: RequirementSet, entries: Sequence[DeclaredRequirement], bounds: Sequence[str] = ()
) -> Resolution:
    # Hashes belong to versions that may change.
    without_hashes = [replace(entry, hashes=()) for entry in entries]
    eased = replace(wanted, options=replace(wanted.options, require_hashes=False, reinstall=False))
    pins = (*resolver.target.pin.requirements, *bounds)
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
    solution: Tightened,
    impossible: Mapping[DeclaredRequirement, str],
    resolver: Resolver,
) -> Suggestion:
    """The differences between the files and a resolution with torch pinned."""
    target, found = resolver.target, []
    for entry in answer.requirement_set.requirements:
        if entry in impossible:
            found.append(LineChange(entry, None, impossible[entry]))
        elif target.is_applicable(entry):
            found += _find_change(entry, answer, solution, target)
    gone = {item.entry for item in found}
    found += [
        LineChange(item.entry, None, item.why)
        for item in answer.effects
        if _is_removed(item) and item.entry not in gone
    ]
    named = {entry.name for entry in answer.requirement_set.requirements}
    changed = {clobber.change.name for clobber in answer.clobbers}
    pins = _Pins(
        tuple(_list_admitting(answer, found, resolver.target)),
        tuple(f"{item.name}=={item.version}" for item in target.pin.distributions if item.name in changed - named),
    )
    pins = _keep_needed(pins, answer.requirement_set, found, resolver)
    found += pins.lines
    found.sort(key=lambda item: _find_position(item.entry, answer))
    return Suggestion(tuple(found), pins.added)


def _find_position(entry: DeclaredRequirement, answer: Prediction) -> int:
    entries = answer.requirement_set.entries
    return entries.index(entry) if entry in entries else len(entries)


def _is_removed(item: LineEffect) -> bool:
    return item.effect is Effect.INTRUDES or (item.effect is Effect.REPLACES and item.entry.role is Role.CONDA)


def _find_change(
    entry: DeclaredRequirement, answer: Prediction, solution: Tightened, target: Target
) -> Iterator[LineChange]:
    """The change of one line: of one that no longer may be as it is, or that leads to another torch."""
    name = entry.name or ""
    if (pinned := target.pin.find(name)) is not None:
        if not target.is_met_by_pin(entry) or entry.hashes or entry.link is not None:
            yield LineChange(entry, f"=={pinned.version}", _VENDORS)
        return
    if entry.link is not None:
        return
    after = solution.held.versions_after(target).get(name)
    freely = next((change.after for change in answer.changes if change.name == name), after)
    links = [link for chain in _find_chains(answer) if chain.entry == entry for link in chain.links[-1:]]
    if after is not None and (entry in solution.loose or (links and after != freely)):
        why = str(links[0]) if links else solution.reasons.get(entry, "")
        yield LineChange(entry, f"=={after}", why)


@dataclass(frozen=True)
class _Pins:
    """Pins of the vendor's distributions: lines that admit them, and lines that are added."""

    lines: tuple[LineChange, ...]
    added: tuple[str, ...]

    def without_one(self) -> Iterator[_Pins]:
        for item in self.lines:
            yield replace(self, lines=tuple(other for other in self.lines if other is not item))
        for text in self.added:
            yield replace(self, added=tuple(other for other in self.added if other != text))


def _list_admitting(answer: Prediction, found: Sequence[LineChange], target: Target) -> Iterator[LineChange]:
    changed = {item.entry for item in found}
    for entry in answer.requirement_set.requirements:
        pinned = target.pin.find(entry.name or "")
        if pinned is None or entry in changed or not target.is_applicable(entry):
            continue
        if str(entry.specifier) != f"=={pinned.version}":
            yield LineChange(entry, f"=={pinned.version}", _VENDORS)


def _keep_needed(pins: _Pins, wanted: RequirementSet, found: Sequence[LineChange], resolver: Resolver) -> _Pins:
    """The pins without which pip or uv would not leave the vendor's distributions alone: often none at all."""
    if not pins.lines and not pins.added:
        return pins
    if found and _stays(wanted, found, resolver):
        return _Pins((), ())
    while len(pins.lines) + len(pins.added) > 1 and resolver.seconds_left > _ENOUGH:
        fewer = next((it for it in pins.without_one() if _stays(wanted, [*found, *it.lines], resolver, it.added)), None)
        if fewer is None:
            break
        pins = fewer
    return pins


def _stays(
    wanted: RequirementSet, changes: Sequence[LineChange], resolver: Resolver, added: Sequence[str] = ()
) -> bool:
    """Whether pip and uv would leave the vendor's distributions alone, with these lines changed and added."""
    changed = {item.entry: item for item in changes}
    entries = [parse_requirement(text, SourceLocation(wanted.path, 1)) for text in added]
    for entry in wanted.entries:
        item = changed.get(entry)
        if item is None:
            entries.append(entry)
        elif item.specifier is not None:
            entries.append(replace(entry.unpinned(), specifier=SpecifierSet(item.specifier)))
    fixed = replace(wanted, entries=tuple(entries))
    try:
        found = [resolver.resolve(fixed), resolve_as_pip(fixed, resolver)]
    except (ResolutionError, SourceError):
        return False
    names = [item.name for item in resolver.target.pin.distributions]
    return all(item.unsolvable is None and not any(map(item.find_change, names)) for item in found)


def _suffices(base: Suggestion, wanted: RequirementSet, resolver: Resolver) -> bool:
    """Whether another set's suggestion keeps the vendor's distributions here, where all of its lines are."""
    if not {item.entry for item in base.replacements} <= set(wanted.entries):
        return False
    return _stays(wanted, base.replacements, resolver, base.added)
