"""A lock that keeps who requires whom: what a selection of its roots reaches in one environment. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.requirements import Requirement

    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.target import MarkerEnvironment


@dataclass(frozen=True, kw_only=True)
class LockedNode:
    """A package of a lock: its entry, when it is the one (of several versions), what it requires, and its index."""

    entry: DeclaredRequirement
    version: str
    requires: tuple[Requirement, ...] = ()
    marker: Marker | None = None
    python: SpecifierSet = field(default_factory=SpecifierSet)
    index: str | None = None

    @property
    def name(self) -> str:
        """The normalised name."""
        return self.entry.name or ""


@dataclass(frozen=True, kw_only=True)
class ReachedNode:
    """A node with the extras that it is required with, and those of its requirements that hold."""

    node: LockedNode
    extras: frozenset[str]
    requires: tuple[Requirement, ...]


@dataclass(frozen=True)
class LockGraph:
    """The packages of a lock by name; of some there are several versions."""

    nodes: Mapping[str, Sequence[LockedNode]]

    def reach(
        self, roots: Iterable[Requirement], environment: MarkerEnvironment, leaves: Collection[str] = ()
    ) -> dict[str, ReachedNode]:
        """What the roots require, and what that requires, but for the requirements of `leaves`."""
        waiting = [root for root in roots if _holds(root, environment, ())]
        extras: dict[str, set[str]] = {}
        found: dict[str, ReachedNode] = {}
        while waiting:
            requirement = waiting.pop()
            name = normalize_name(requirement.name)
            wanted = extras.setdefault(name, set())
            if name in found and requirement.extras <= wanted:
                continue
            node = found[name].node if name in found else self._select(name, requirement, environment)
            if node is None:
                continue
            wanted |= requirement.extras
            held = tuple(item for item in node.requires if _holds(item, environment, wanted))
            found[name] = ReachedNode(node=node, extras=frozenset(wanted), requires=held)
            if name not in leaves:
                waiting += held
        return found

    def _select(self, name: str, requirement: Requirement, environment: MarkerEnvironment) -> LockedNode | None:
        """The version of a package that the environment gets; an override may have none that meets the requirement."""
        nodes = self.nodes.get(name, ())
        # Markers tell several versions apart. That a package is wanted at all follows from who requires it.
        supported = [node for node in nodes if _supports(node, environment)] or list(nodes)
        usable = [node for node in supported if _is_meant(node, environment)] or supported
        # Where a lock does not say for whom each of several versions is, its own tool takes the newest that will do.
        usable.sort(key=lambda node: _parse_version(node.version), reverse=True)
        fitting = (node for node in usable if requirement.specifier.contains(node.version, prereleases=True))
        return next(fitting, usable[0] if usable else None)


def _parse_version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def _supports(node: LockedNode, environment: MarkerEnvironment) -> bool:
    return node.python.contains(environment["python_full_version"], prereleases=True)


def _is_meant(node: LockedNode, environment: MarkerEnvironment) -> bool:
    return node.marker is None or node.marker.evaluate(dict(environment))


def _holds(requirement: Requirement, environment: MarkerEnvironment, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    if marker is None:
        return True
    return any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


def list_missing(
    graph: LockGraph, roots: Iterable[Requirement], environment: MarkerEnvironment
) -> Iterator[Requirement]:
    """The roots that hold and that the lock does not know."""
    return (root for root in roots if normalize_name(root.name) not in graph.nodes and _holds(root, environment, ()))
