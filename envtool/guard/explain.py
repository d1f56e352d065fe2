"""Puts into plain words what pip or uv said when they gave up because of the constraints. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.printable import join_lines
from envtool.release.profile import PINNED_NAMES

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin

_PINNED = "|".join(PINNED_NAMES)
# pip, "The conflict is caused by:", each line with the time in front where it comes from a log file.
_PIP_DEPENDS = re.compile(rf"^(?:\S+ )?\s*(\S+) (\S+) depends on ((?:{_PINNED})(?![\w-])\S.*?)\s*$", re.MULTILINE)
_PIP_DIRECT = re.compile(rf"The user requested ((?:{_PINNED})(?![\w-])\S.*?)\s*$", re.MULTILINE)
_PIP_NOTHING = re.compile(rf"No matching distribution found for ((?:{_PINNED})(?![\w-])\S*)")
_UV_GAVE_UP = "No solution found when resolving"
# uv: "Because foo==1.0 depends on torch>=2.0 and you require torch==1.7.1+…, we can conclude …"; where every version
# does, "all versions of foo depend on torch>=2.0".
_UV_DEPENDS = re.compile(
    rf"(?:all versions of )?([\w.-]+)(?:==([^\s,]+)|[<>!~]=?[^\s,]+)? depends? on ((?:{_PINNED})(?![\w-])[^\s]*)"
)
_UV_DIRECT = re.compile(rf"you require ((?:{_PINNED})(?:[<>=!~]=?)[^\s,]+)")


@dataclass(frozen=True)
class Conflict:
    """Who wanted which torch: a distribution and its version, or nobody but the instruction itself."""

    name: str | None
    version: str | None
    requirement: str


def find_conflicts(output: str, pin: VendorPin) -> tuple[Conflict, ...]:
    """The demands in pip's or uv's output that the pin does not meet; none where it failed for another reason."""
    if _UV_GAVE_UP in output:
        # uv wraps its sentences and draws a tree in front of them.
        joined = re.sub(r"[\s\u2500-\u25ff\u00d7]+", " ", output)
        found = [Conflict(name, text or None, wanted) for name, text, wanted in _UV_DEPENDS.findall(joined)]
        found += [Conflict(None, None, wanted) for wanted in _UV_DIRECT.findall(joined)]
    else:
        found = [Conflict(name, version, wanted) for name, version, wanted in _PIP_DEPENDS.findall(output)]
        found += [Conflict(None, None, wanted) for wanted in _PIP_DIRECT.findall(output)]
        found = found or [Conflict(None, None, wanted) for wanted in _PIP_NOTHING.findall(output)]
    return tuple(dict.fromkeys(item for item in found if not _is_met(item.requirement, pin)))


def _is_met(requirement: str, pin: VendorPin) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(requirement.rstrip(".,;"))
    except InvalidRequirement:
        return False
    pinned = pin.find(parsed.name)
    return pinned is not None and parsed.specifier.contains(pinned.version, prereleases=True)


def render_conflicts(conflicts: tuple[Conflict, ...], pin: VendorPin, command: str) -> str:
    """The explanation that a person reads at the end of a failed build."""
    lines = [
        "",
        "hac-guard: this instruction was stopped because it would have replaced the vendor torch",
        f"  instruction  RUN {command}",
        f"  pinned       torch {pin.version}, the only build that sees the accelerator",
    ]
    for item in conflicts:
        who = f"{item.name} {item.version}" if item.name and item.version else item.name or "the instruction itself"
        lines.append(f"  pulled in by {who}, which wants {item.requirement}")
    names = [(item.name, item.version) for item in conflicts if item.name]
    return join_lines([*lines, *suggest_changes(names, pin)])


def suggest_changes(culprits: Sequence[tuple[str, str | None]], pin: VendorPin) -> list[str]:
    """What to do about distributions that want another torch, given as name and version; without any, about torch."""
    if not culprits:
        wanted = f"torch=={pin.version.public} or plain torch"
        return [f"  fix          ask for {wanted}: both are met by the vendor's"]
    lines = []
    for name, version in culprits:
        if version:
            hint = f"an older one may do with torch {pin.version.public}"
            lines.append(f'  run          pip install "{name}<{version}"   ({hint})')
        lines.append(f"  otherwise    leave {name} out of the requirements")
    return lines
