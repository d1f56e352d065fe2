"""What a module uses that matters here, before it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from envtool.scan.kinds import ScanKind
from envtool.scan.python.standing import Standing
from envtool.told_kind import Severity


@dataclass(frozen=True)
class Guard:
    """A condition around a use: how it stands, and the names that it speaks of."""

    standing: Standing
    names: frozenset[str] = frozenset()


class Place(NamedTuple):
    """Where in a module something stands: its line, the conditions around it, and the functions, outermost first.

    `is_expression`: it is chosen by a conditional expression.
    """

    line: int
    guards: tuple[Guard, ...] = ()
    functions: tuple[str, ...] = ()
    is_tried: bool = False
    is_expression: bool = False


@dataclass(frozen=True, kw_only=True)
class Use:
    """Something that matters. `severity` is that without a guard; `attempt` numbers the `try` that an import is in.

    `is_lazy` is an import within a function; `switched` the severity behind a switch that is off.
    """

    kind: ScanKind
    severity: Severity
    place: Place
    identifier: str
    message: str
    instead: str = ""
    attempt: int | None = None
    is_lazy: bool = False
    switched: Severity = Severity.NOTE


def judge_severity(use: Use, standing: Standing) -> Severity | None:
    """How bad a use is where the conditions around it stand so; `None` where it is nothing."""
    if standing is Standing.ABSENT and use.kind is ScanKind.NEWER_TORCH:
        return None
    match standing:
        case Standing.FAILS | Standing.ABSENT:
            return Severity.NOTE
        case Standing.OFF:
            return use.switched if use.severity is not Severity.NOTE else Severity.NOTE
        case Standing.SWITCH:
            return Severity.WARNING if use.severity is Severity.ERROR else use.severity
        case _:
            return use.severity
