"""Case 16: something that the vendor's distributions require is not installed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.doctor.remedy import translate_command
from envtool.environment.missing_requirements import find_missing_requirements
from envtool.environment.prefix import PrefixKind
from envtool.language import join_listed, tell
from envtool.regular_file import read_regular_text

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin

_SYSTEM_PACKAGES = re.compile(r"^include-system-site-packages\s*=\s*true", re.MULTILINE | re.IGNORECASE)


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check that everything is there that torch and its companions require; one finding for each distribution."""
    installed = pin.profile.with_stand_ins(item.name for item in environment.distributions)
    for pinned in pin.distributions:
        found = environment.find(pinned.name)
        # One that is missing, or is there twice, or is another's, is a finding of its own.
        if len(found) != 1 or found[0].version != pinned.version:
            continue
        needs = [
            line
            for line in find_missing_requirements(found[0], installed, environment.prefix.python)
            # The vendor's own that are missing are findings of their own as well.
            if pin.find(line.split("=")[0].strip("<>!~ (")) is None
        ]
        if needs and not _has_other_packages(environment):
            listed = join_listed(needs)
            command = (
                f"envtool install --prefix {shlex.quote(environment.context.display(str(environment.prefix.path)))}"
            )
            yield Finding(
                kind=FindingKind.REQUIREMENT_MISSING,
                title=tell(
                    "{name} needs {listed}, which is missing"
                    if len(needs) == 1
                    else "{name} needs {listed}, which are missing",
                    name=pinned.name,
                    listed=listed,
                ),
                evidence=(Evidence(str(found[0].path / "METADATA"), listed, tell("not installed")),),
                cause=tell("it was uninstalled, or {name} was installed without what it requires", name=pinned.name),
                remedy=translate_command(environment, f"{command} {' '.join(shlex.quote(line) for line in needs)}"),
                packages=(pinned.name,),
            )


def _has_other_packages(environment: Environment) -> bool:
    """Whether Python finds the packages of another installation as well, which are not looked at."""
    if environment.prefix.kind is not PrefixKind.VENV:
        return False
    try:
        text = read_regular_text(environment.prefix.path / "pyvenv.cfg")
    except (OSError, ValueError):
        return False
    return _SYSTEM_PACKAGES.search(text) is not None
