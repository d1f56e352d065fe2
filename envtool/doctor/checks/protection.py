"""Case 13: what keeps torch from being replaced is switched off or overridden.

None of it harms the torch that is there, so these are notes; an override, which the next install follows, is more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.documents import parse_toml
from envtool.environment.pip_configuration import read_pip_settings
from envtool.language import tell
from envtool.regular_file import read_regular_text
from envtool.release.pin import PinOrigin, VendorPin
from envtool.release.profile import PINNED_NAMES
from envtool.wheel.requires import find_requirements_on

if TYPE_CHECKING:
    from envtool.environment.context import EnvironmentContext
    from envtool.environment.reader import Environment

CONSTRAINTS = "/etc/hac/constraints.txt"
_GUARD_SETTINGS = "/etc/hac/guard.conf"


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check uv's overrides and, where the image has them, the constraints of pip and uv and the guard."""
    context = environment.context
    yield from _check_overrides(context, pin)
    if pin.origin is not PinOrigin.FILE or not os.path.isfile(context.locate(CONSTRAINTS)):
        return
    for tool, variable in (("pip", "PIP_CONSTRAINT"), ("uv", "UV_CONSTRAINT")):
        named = context.variables.get(variable, "")
        if tool == "pip":
            named = read_pip_settings(context, environment.prefix).get("constraint", "")
        if not any(_has_pin(context.locate(path), pin) for path in named.split()):
            yield Finding(
                kind=FindingKind.CONSTRAINTS_OFF,
                title=tell("{tool} is not held to the vendor's distributions", tool=tool),
                evidence=(Evidence(variable, CONSTRAINTS, named or tell("unset")),),
                cause=tell(
                    "{variable} was unset or given another value, and nothing else names the vendor's torch",
                    variable=variable,
                ),
                remedy=f"export {variable}={CONSTRAINTS}",
            )
    mode = context.variables.get("HAC_GUARD", "fail")
    if mode == "off" and os.path.isfile(context.locate(_GUARD_SETTINGS)):
        yield Finding(
            kind=FindingKind.GUARD_OFF,
            title=tell("the guard does not look after RUN instructions"),
            evidence=(Evidence("HAC_GUARD", tell("fail"), mode),),
            cause=tell("HAC_GUARD=off was set"),
            remedy="export HAC_GUARD=fail",
        )


def _has_pin(path: Path, pin: VendorPin) -> bool:
    lines = _read_text(path).splitlines()
    return pin.format_requirement(pin.torch) in {line.strip() for line in lines}


def _check_overrides(context: EnvironmentContext, pin: VendorPin) -> Iterator[Finding]:
    """Check uv's overrides, which take the place of requirements (uv documentation, "Dependency overrides").

    Measured with uv 0.13: without the constraints the vendor's torch is replaced, under them uv finds no solution.
    """
    for override in _read_overrides(context):
        for pinned in pin.distributions:
            for requirement in find_requirements_on([override.line], pinned.name):
                if not requirement.specifier.contains(pinned.version, prereleases=True):
                    yield Finding(
                        kind=FindingKind.PINS_OVERRIDDEN,
                        title=tell("uv is told to put another {name} in, whatever is required of it", name=pinned.name),
                        evidence=(
                            Evidence(override.source, tell("no override of {name}", name=pinned.name), override.line),
                        ),
                        cause=(
                            tell(
                                "an override takes the place of every requirement: the next install by uv"
                                " replaces the vendor's, or fails"
                            )
                        ),
                        remedy=override.remedy,
                    )


@dataclass(frozen=True)
class _Override:
    """A line of uv's overrides, what names it, and the command that takes it away."""

    source: str
    line: str
    remedy: str


def _read_overrides(context: EnvironmentContext) -> Iterator[_Override]:
    variables: Mapping[str, str] = context.variables
    for name in variables.get("UV_OVERRIDE", "").split():
        for line in _read_text(context.locate(name)).splitlines():
            if line.strip().lower().startswith(PINNED_NAMES):
                yield _Override(f"UV_OVERRIDE={name}", line.split("#", 1)[0].strip(), "unset UV_OVERRIDE")
    home = variables.get("HOME", "")
    for name in ("/etc/uv/uv.toml", f"{variables.get('XDG_CONFIG_HOME') or f'{home}/.config'}/uv/uv.toml"):
        text = _read_text(context.locate(name))
        if "override-dependencies" not in text:
            continue
        try:
            lines = parse_toml(text).get("override-dependencies")
        except ValueError:
            continue
        for line in lines if isinstance(lines, list) else ():
            yield _Override(name, str(line), f"${{EDITOR:-vi}} {name}")


def _read_text(path: Path) -> str:
    try:
        return read_regular_text(path)
    except (OSError, ValueError):
        return ""
