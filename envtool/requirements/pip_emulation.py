"""What pip would install, where its resolver and uv's choose differently.

uv keeps an installed distribution where an older version of another allows that. pip (resolvelib) does not: it takes
the newest version of whatever it comes to, and gives up an installed torch as soon as any other version of torch goes
with that; it looks for older versions of the rest only where no version of torch does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.requirements.stub_wheels import stub_wheels

if TYPE_CHECKING:
    from envtool.requirements.model import RequirementSet
    from envtool.requirements.resolution import Resolution
    from envtool.requirements.resolve import Resolver


def resolve_as_pip(wanted: RequirementSet, resolver: Resolver) -> Resolution:
    """What `pip install` of the set would change. Raises `SourceError` and `ResolutionError`."""
    free = resolver.resolve(wanted)
    pin = resolver.target.pin
    pinned = {item.name: pin.format_requirement(item) for item in pin.distributions}
    # The newest of everything else, as if nobody required torch or its companions.
    others = resolver.resolve(wanted, without=tuple(pinned))
    if free.unsolvable is not None or others.unsolvable is not None:
        return free
    if free.changes == others.changes:
        # What uv keeps torch beside is the newest of everything already.
        return free
    fixed = [f"{change.name}=={change.after}" for change in others.changes if change.after]
    kept = resolver.resolve(wanted, constraints=[*fixed, *_find_held(wanted, resolver, pinned)])
    if kept.unsolvable is None:
        return kept
    loose = resolver.resolve(wanted, constraints=fixed)
    if loose.unsolvable is None:
        return loose
    # No torch goes with the newest of all the others. Of what does, pip takes the newest torch.
    with stub_wheels(resolver.target, tuple(pinned)) as stubs:
        options = wanted.options
        names = (*options.upgrade_names, *pinned)
        eased = replace(options, find_links=(*options.find_links, stubs), upgrade_names=names)
        backtracked = resolver.resolve(replace(wanted, options=eased))
    return backtracked if backtracked.unsolvable is None else free


def _find_held(wanted: RequirementSet, resolver: Resolver, pinned: dict[str, str]) -> list[str]:
    """The pins that pip keeps by itself, of all by name: those of distributions that it is not told to upgrade."""
    options = wanted.options.merge_over(resolver.options)
    named = {entry.name for entry in wanted.requirements} if options.upgrade else set()
    if options.upgrade and options.eager:
        return []
    free = named | set(options.upgrade_names)
    return [line for name, line in pinned.items() if name not in free]
