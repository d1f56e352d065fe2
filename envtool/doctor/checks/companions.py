"""Case 8: torchvision or torchaudio that belong to another torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envtool.doctor.cause import explain_request, find_requirers
from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.doctor.remedy import build_uninstall_command
from envtool.language import tell
from envtool.release.profile import COMPANIONS, TORCH
from envtool.wheel.requires import find_requirements_on

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check companions that the pin does not name: they must not require another torch than the pinned one."""
    for name in COMPANIONS:
        if pin.find(name) is not None:
            continue
        for item in environment.find(name):
            for requirement in find_requirements_on(item.requires(), TORCH):
                if requirement.specifier.contains(pin.torch.version, prereleases=True):
                    continue
                yield Finding(
                    kind=FindingKind.COMPANION_MISMATCH,
                    title=tell(
                        "{name} {version} was built for another torch than {pinned}",
                        name=name,
                        version=item.version,
                        pinned=pin.torch.version,
                    ),
                    evidence=(Evidence(str(item.path / "METADATA"), pin.torch.version, str(requirement)),),
                    cause=_explain(environment, item),
                    remedy=build_uninstall_command(environment, name),
                    packages=(name,),
                )
                break


def _explain(environment: Environment, item: Distribution) -> str:
    reason = explain_request(item, find_requirers(environment, item.name))
    if not reason:
        return tell("{installer} installed it; no installed distribution requires it", installer=item.installer)
    return tell("{installer} installed it because {reason}", installer=item.installer, reason=reason)
