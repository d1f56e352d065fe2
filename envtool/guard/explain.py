"""Puts into plain words what pip or uv said when they gave up because of the constraints. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.guard.report_row import render_row
from envtool.guard.suggestion import Culprit
from envtool.language import Message, tell, translate
from envtool.printable import join_lines, one_line
from envtool.release.profile import PINNED_NAMES
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.release.pin import VendorPin

_PINNED = "|".join(PINNED_NAMES)
# pip, "The conflict is caused by:", each line with the time in front where it comes from a log file.
_PIP_DEPENDS = re.compile(rf"^(?:\S+ )?\s*(\S+) (\S+) depends on ((?:{_PINNED})(?![\w-])\S.*?)\s*$", re.MULTILINE)
_PIP_DIRECT = re.compile(rf"The user requested (?:\(constraint\) )?((?:{_PINNED})(?![\w-])\S.*?)\s*$", re.MULTILINE)
_PIP_NOTHING = re.compile(rf"No matching distribution found for ((?:{_PINNED})(?![\w-])\S*)")
_PIP_FOUND = re.compile(r"Found link (\S+)[^\n]*, version: (\S+)")
_UV_FRAME = re.compile(r"[\s\u2500-\u25ff\u00d7]+")
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
        joined = _UV_FRAME.sub(" ", output)
        found = [Conflict(name, text or None, wanted) for name, text, wanted in _UV_DEPENDS.findall(joined)]
        found += [Conflict(None, None, wanted) for wanted in _UV_DIRECT.findall(joined)]
    else:
        found = [Conflict(name, version, wanted) for name, version, wanted in _PIP_DEPENDS.findall(output)]
        found += [Conflict(None, None, _without_pin(wanted, pin)) for wanted in _PIP_DIRECT.findall(output)]
        found = found or [Conflict(None, None, wanted) for wanted in _PIP_NOTHING.findall(output)]
    return tuple(dict.fromkeys(item for item in found if not _is_met(item.requirement, pin)))


def _without_pin(requirement: str, pin: VendorPin) -> str:
    """pip tells all constraints on a name as one: what is the pin's own is taken out."""
    for item in pin.distributions:
        own = re.escape(f"=={item.version}")
        requirement = re.sub(rf",{own}(?=,|$)|(?<=[a-z]){own},", "", requirement)
    return requirement


def _is_met(requirement: str, pin: VendorPin) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(requirement.rstrip(".,;"))
    except InvalidRequirement:
        return False
    pinned = pin.find(parsed.name)
    return pinned is not None and parsed.specifier.contains(pinned.version, prereleases=True)


def list_found_releases(output: str, name: str) -> tuple[str, ...]:
    """The releases of a distribution that pip's log says it found, the oldest first."""
    from packaging.version import Version

    found = set()
    for link, text in _PIP_FOUND.findall(output):
        file, separator, _rest = link.split("#")[0].rsplit("/", 1)[-1].partition(f"-{text}")
        if separator and normalize_name(file) == name and _is_release(text):
            found.add(text)
    return tuple(sorted(found, key=Version))


def _is_version(text: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _is_release(text: str) -> bool:
    from packaging.version import Version

    return _is_version(text) and not Version(text).is_prerelease


def find_culprits(conflicts: Sequence[Conflict], output: str) -> tuple[Culprit, ...]:
    """Each distribution of the conflicts once, with the lowest version that wants another torch."""
    wanting: dict[str, set[str]] = {}
    for item in conflicts:
        if item.name:
            wanting.setdefault(normalize_name(item.name), set()).update({item.version} if item.version else ())
    return tuple(_make_culprit(name, versions, output) for name, versions in wanting.items())


def _make_culprit(name: str, versions: set[str], output: str) -> Culprit:
    from packaging.version import Version

    parsed = sorted((text for text in versions if _is_version(text)), key=Version)
    lowest = parsed[0] if parsed else next(iter(versions), None)
    releases = list_found_releases(output, name)
    return Culprit(
        name=name,
        version=lowest,
        older=tuple(text for text in releases if parsed and Version(text) < Version(parsed[0])),
        installer="uv" if _UV_GAVE_UP in output else "pip",
        is_exhausted=(bool(releases) and set(releases) <= versions) or _has_uv_no_other(output, name),
    )


def _has_uv_no_other(output: str, name: str) -> bool:
    """Whether uv says that every version wants another torch, or that there is but the one."""
    joined = _UV_FRAME.sub(" ", output).lower()
    return (
        re.search(rf"all versions of {re.escape(name)} depend|only {re.escape(name)}==\S+ is available", joined)
        is not None
    )


def render_incident(sentence: str, command: str, pin: VendorPin | None) -> list[str]:
    """What happened, by which instruction, and what is pinned."""
    lines = ["", f"hac-guard: {translate(sentence)}", render_row(tell("instruction"), f"RUN {one_line(command)}")]
    if pin is not None:
        text = tell("torch {version}, the only build that sees the accelerator", version=pin.version)
        lines.append(render_row(tell("pinned"), text))
    return lines


def render_conflicts(conflicts: Sequence[Conflict], pin: VendorPin, command: str, suggestions: Sequence[str]) -> str:
    """The explanation that a person reads at the end of a failed build."""
    lines = render_incident(
        tell("this instruction was stopped because it would have replaced the vendor torch"), command, pin
    )
    shown: dict[str, int] = {}
    for item in conflicts:
        who = (
            f"{item.name} {item.version}" if item.name and item.version else item.name or tell("the instruction itself")
        )
        key = item.name or ""
        shown[key] = shown.get(key, 0) + 1
        if shown[key] == 1:
            wanted = tell("{who}, which wants {requirement}", who=who, requirement=item.requirement)
            lines.append(render_row(tell("pulled in by"), wanted))
    for name, count in shown.items():
        if count > 1 and name:
            lines.append(render_row(tell("tried"), _describe_tried(name, count - 1, pin.version.public)))
    return join_lines([*lines, *suggestions])


def _describe_tried(name: str, others: int, version: object) -> Message:
    if others == 1:
        return tell("another release of {name} as well: none does with torch {version}", name=name, version=version)
    return tell(
        "{count} other releases of {name} as well: none does with torch {version}",
        count=others,
        name=name,
        version=version,
    )
