"""Case 4: another torch comes first on the search path, so that the vendor's is never imported."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.doctor.remedy import build_uninstall_command, translate_command
from envtool.environment.distribution import read_distribution
from envtool.environment.search_path import PathOrigin, PrecedingPath, find_preceding_paths
from envtool.language import tell

if TYPE_CHECKING:
    from envtool.environment.reader import Environment
    from envtool.release.pin import VendorPin


@dataclass(frozen=True)
class Shadow:
    """A copy of a pinned distribution that Python imports in its place: what `import` finds, and its version."""

    folder: PrecedingPath
    name: str
    found: Path
    version: str


def find_shadows(environment: Environment, pin: VendorPin) -> Iterator[Shadow]:
    """Find copies of pinned distributions in folders that come before site-packages."""
    for folder in find_preceding_paths(environment):
        if _is_same_folder(folder.path, environment.prefix.site_packages):
            continue
        for pinned in pin.distributions:
            found = _find_importable(folder.path, pinned.name)
            if found is not None:
                yield Shadow(folder, pinned.name, found, _read_version(found))


def check(environment: Environment, pin: VendorPin) -> Iterator[Finding]:
    """Check that no folder before site-packages has a pinned distribution as well."""
    for shadow in find_shadows(environment, pin):
        pinned = pin.find(shadow.name)
        expected = tell(
            "{version} from {folder}", version=pinned.version if pinned else "", folder=environment.prefix.path
        )
        yield Finding(
            kind=FindingKind.TORCH_SHADOWED,
            title=tell(
                "{name} is imported from {path}, not from the environment", name=shadow.name, path=shadow.folder.path
            ),
            evidence=(Evidence(str(shadow.found), expected, shadow.version),),
            cause=tell("{source} comes before site-packages", source=shadow.folder.source),
            remedy=build_shadow_remedy(environment, shadow),
        )


def _is_same_folder(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _find_importable(folder: Path, name: str) -> Path | None:
    """Find what `import name` would load from the folder: a package, a module, or an extension module."""
    try:
        if os.path.isfile(folder / name / "__init__.py"):
            return folder / name
        if os.path.isfile(folder / f"{name}.py"):
            return folder / f"{name}.py"
        return next(folder.glob(f"{name}.*.so"), None)
    except OSError:
        return None


def _read_version(found: Path) -> str:
    for path in sorted(found.parent.glob(f"{found.stem}-*.dist-info")):
        distribution = read_distribution(path)
        if distribution is not None:
            return distribution.version
    return tell("a copy without records")


def build_shadow_remedy(environment: Environment, shadow: Shadow) -> str:
    """Build the command that removes the copy, or what puts it first."""
    folder, name = shadow.folder, shadow.name
    if folder.origin is PathOrigin.PYTHONPATH:
        return "unset PYTHONPATH"
    if folder.pth_file is not None:
        return translate_command(environment, f"rm {shlex.quote(environment.context.display(str(folder.pth_file)))}")
    if any(True for _ in folder.path.glob(f"{name}-*.dist-info")):
        # pip uninstalls the copy that is imported, which is this one.
        return build_uninstall_command(environment, name)
    return translate_command(environment, f"rm -r {shlex.quote(environment.context.display(str(folder.path / name)))}")
