"""How a condition stands on the vendor's accelerator: one device, one process, and the torch that is pinned."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Standing(Enum):
    """Whether what a condition guards is reached.

    `OFF` and `ON` are a user's switch with that default, `SWITCH` one whose default is not known. `ABSENT` is a feature
    that the pinned torch lacks; `OPEN` is what nobody can tell.
    """

    HOLDS = "holds"
    ON = "on"
    OPEN = "open"
    SWITCH = "switch"
    OFF = "off"
    ABSENT = "absent"
    FAILS = "fails"


_NEGATED = {
    Standing.HOLDS: Standing.FAILS,
    Standing.FAILS: Standing.HOLDS,
    Standing.ON: Standing.OFF,
    Standing.OFF: Standing.ON,
    Standing.ABSENT: Standing.HOLDS,
}
# From what is surely reached to what is surely not.
_ORDER = tuple(Standing)


def negate(standing: Standing) -> Standing:
    """How the condition's opposite stands."""
    return _NEGATED.get(standing, standing)


def all_of(standings: Iterable[Standing]) -> Standing:
    """How several conditions stand that must all hold."""
    return max(standings, key=_ORDER.index, default=Standing.HOLDS)


def any_of(standings: Iterable[Standing]) -> Standing:
    """How several conditions stand of which one suffices."""
    return min(standings, key=_ORDER.index, default=Standing.FAILS)


def is_reached(standing: Standing) -> bool:
    """Whether nothing keeps it from being reached."""
    return standing in {Standing.HOLDS, Standing.ON}
