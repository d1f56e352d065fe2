"""Finds who wants another torch: the chains from the lines of a file to it, with the version ranges."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from envtool.language import join_messages, tell
from envtool.requirements.metadata import find_requirements
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envtool.requirements.model import DeclaredRequirement
    from envtool.requirements.target import Target

# How many distributions are asked of the index at once.
_AT_ONCE = 8
# Name and version → the `Requires-Dist` lines, or `None` where they are unknown.
RequiresLookup = Callable[[str, str], "tuple[str, ...] | None"]
# A distribution → those that require it.
Parents = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class ChainLink:
    """One distribution of a chain in the version that would be installed, and what it requires of the next."""

    name: str
    version: str
    requirement: str

    def __str__(self) -> str:
        return tell(
            "{name} {version} requires {requirement}",
            name=self.name,
            version=self.version,
            requirement=self.requirement,
        )


@dataclass(frozen=True)
class Chain:
    """From a line of a file to a pinned distribution. Without links, the line itself names that distribution."""

    entry: DeclaredRequirement
    subject: str
    links: tuple[ChainLink, ...] = ()

    @property
    def culprit(self) -> str:
        """The distribution that requires another version than the vendor's."""
        return self.links[-1].name if self.links else self.subject

    def __str__(self) -> str:
        start = f"{self.entry.location}: {self.entry.display}"
        return join_messages(" → ", [start, *(str(link) for link in self.links)])


def parse_parents(annotated: str) -> Parents:
    """Who requires whom, from the `# via` notes of `uv pip compile --annotation-style split`. Pure."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in annotated.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            name = re.split(r"[\[=@;\s]", line.removeprefix("-e "), maxsplit=1)[0]
            current = found.setdefault(normalize_name(name), [])
            continue
        note = line.strip().lstrip("#").strip().removeprefix("via").strip()
        if note and not note.startswith("-") and " " not in note:
            current.append(normalize_name(note.split("[")[0]))
    return {name: tuple(values) for name, values in found.items()}


@dataclass(frozen=True)
class Graph:
    """What would be installed: the versions, who requires whom, and a lookup for the requirements themselves."""

    state: Mapping[str, str]
    parents: Parents
    requires: RequiresLookup

    def find_requirement(self, parent: str, child: str) -> Requirement | None:
        """What `parent` requires of `child`, or `None` where that is unknown."""
        lines = self.requires(parent, self.state.get(parent, "")) or ()
        return next(find_requirements(lines, {child}), None)

    def make_link(self, parent: str, child: str) -> ChainLink:
        """One link of a chain."""
        found = self.find_requirement(parent, child)
        return ChainLink(parent, self.state.get(parent, "?"), f"{found.name}{found.specifier}" if found else child)

    def find_path(
        self, name: str, entries: tuple[DeclaredRequirement, ...]
    ) -> tuple[DeclaredRequirement, tuple[str, ...]] | None:
        """The shortest path from an entry to a distribution: the entry, and the names on the way."""
        by_name = {entry.name: entry for entry in reversed(entries)}
        queue: deque[tuple[str, ...]] = deque([(name,)])
        seen = {name}
        while queue:
            path = queue.popleft()
            if path[0] in by_name:
                return by_name[path[0]], path
            for parent in self.parents.get(path[0], ()):
                if parent not in seen:
                    seen.add(parent)
                    queue.append((parent, *path))
        return None


def find_chains(
    subject: str, entries: tuple[DeclaredRequirement, ...], graph: Graph, target: Target
) -> tuple[Chain, ...]:
    """The chains of all that ask for another `subject` than the pinned one.

    If there are none, the chains of all that ask for it at all: then an upgrade replaced it.
    """
    direct = [entry for entry in entries if entry.name == subject and target.is_applicable(entry)]
    refusing = [Chain(entry, subject) for entry in direct if not target.is_met_by_pin(entry)]
    content = [Chain(entry, subject) for entry in direct if target.is_met_by_pin(entry)]
    pinned = target.pin.find(subject)
    parents = graph.parents.get(subject, ())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        # All at once, because each may take a request to the index; the answers are cached.
        list(pool.map(lambda parent: graph.find_requirement(parent, subject), parents))
    for parent in parents:
        found = graph.find_path(parent, entries)
        if found is None:
            continue
        entry, names = found
        links = tuple(graph.make_link(*pair) for pair in pairwise((*names, subject)))
        wanted = graph.find_requirement(parent, subject)
        met = wanted is None or (pinned is not None and wanted.specifier.contains(pinned.version, prereleases=True))
        (content if met else refusing).append(Chain(entry, subject, links))
    return tuple(refusing or content)
