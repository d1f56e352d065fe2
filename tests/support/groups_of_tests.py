"""Which tests run in one process: those that share what takes seconds to make. xdist asks for it by a test's name."""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

# What is common to the names of a group's tests. An environment of an interpreter; a scenario whose copies lie in one
# folder; a module with a site, an installed envtool, pages or a channel.
_GROUPS = (
    re.compile(r"tests/interpreters/test_every_python\.py::.*\[(?P<group>python[0-9.]+)\]"),
    re.compile(r"tests/faults/.*\[(?:\d+-)?(?P<group>replaced|changed|unpacked|large|other_vendor)-"),
    re.compile(r"(?P<group>tests/(?:docs/test_site|docs/test_share|deploy/test_kubernetes)\.py)::"),
    re.compile(r"(?P<group>tests/unit/(?:cli/test_html|cli/test_korean_terminal|image/test_conda)\.py)::"),
)


def find_group(name: str) -> str | None:
    """The group of the test of this name; `None` for one that stands by itself."""
    return next((match["group"] for pattern in _GROUPS if (match := pattern.match(name))), None)


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a process that has hardly anything left to do the next test, or the next group.

    xdist's own `loadgroup` writes a test's group into a private field of pytest's, which pytest no longer reads (xdist
    3.8, pytest 9.2).
    """

    def _split_scope(self, nodeid: str) -> str:
        return find_group(nodeid) or nodeid
