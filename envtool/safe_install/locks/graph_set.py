"""From a graph and the roots of a selection to what is to be installed. Pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import LockError
from envtool.language import tell
from envtool.requirements.model import InstallOptions, RequirementSet
from envtool.safe_install.locks.cuda import select_idle_cuda_wheels
from envtool.safe_install.locks.graph import LockGraph, ReachedNode, list_missing
from envtool.safe_install.locks.model import LockedDemand, LockedSet
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.target import Target


def make_locked_set(
    path: Path,
    graph: LockGraph,
    roots: Sequence[LockedDemand],
    target: Target,
    *,
    project: DeclaredRequirement | None,
    options: InstallOptions,
    relock: str,
) -> LockedSet:
    """What the roots, each with who asks for it, reach. Raises `LockError` where the lock lacks one of them."""
    environment = target.marker_environment
    pins = {item.name for item in target.pin.distributions}
    wanted = [root.requirement for root in roots]
    for missing in list_missing(graph, wanted, environment):
        raise LockError(
            tell("{path} has no {name}, which pyproject.toml asks for", path=path, name=missing.name),
            why=tell("the lock is out of date"),
            remedy=relock,
        )
    everything = graph.reach(wanted, environment)
    needed = graph.reach(wanted, environment, leaves=pins)
    entries = [item.node.entry for name, item in sorted(everything.items()) if name not in pins]
    left_out = select_idle_cuda_wheels(entries, needed)
    kept = tuple(entry for entry in entries if entry not in left_out)
    demands = (*_select_demands(roots, target), *_list_demands(everything, pins))
    return LockedSet(
        path=path,
        wanted=RequirementSet(
            path=path,
            entries=(*kept, *((project,) if project is not None else ())),
            options=replace(
                options, extra_index_urls=(*options.extra_index_urls, *_list_indexes(everything, kept)), no_deps=True
            ),
            locked=True,
        ),
        pinned=tuple(item.node.entry for name, item in sorted(everything.items()) if name in pins),
        left_out=left_out,
        demands=tuple(demands),
    )


def _list_indexes(reached: Mapping[str, ReachedNode], kept: Sequence[DeclaredRequirement]) -> Iterator[str]:
    """The indexes of what is to be installed: that of an upstream torch alone is not asked."""
    indexes = (reached[entry.name].node.index for entry in kept if entry.name)
    return iter(dict.fromkeys(index for index in indexes if index is not None))


def _select_demands(roots: Sequence[LockedDemand], target: Target) -> Iterator[LockedDemand]:
    environment = target.marker_environment
    for root in roots:
        marker = root.requirement.marker
        holds = marker is None or marker.evaluate(dict(environment))
        if holds and target.pin.find(normalize_name(root.requirement.name)) is not None:
            yield root


def _list_demands(reached: Mapping[str, ReachedNode], pins: Iterable[str]) -> Iterator[LockedDemand]:
    names = set(pins)
    for name, item in sorted(reached.items()):
        if name in names:
            continue
        for requirement in item.requires:
            if normalize_name(requirement.name) in names:
                yield LockedDemand(parent=f"{name} {item.node.version}", requirement=requirement)
