"""Pins by `===`, which compares texts (PEP 440, "Arbitrary equality"): of the same version in other letters. Pure.

pip compares the normalised version of a build with the letters as they stand, so that `===2.8.0a0+5228986c39.nv25.05`
is met by no build at all, and the install fails whether torch is pinned or not. uv normalises both, and is content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from envtool.language import tell
from envtool.release.version import versions_equal

if TYPE_CHECKING:
    from envtool.requirements.model import DeclaredRequirement, RequirementSet
    from envtool.requirements.target import Target


@dataclass(frozen=True)
class UnlikeLetters:
    """A line that means the vendor's build, in letters that pip does not take for it."""

    entry: DeclaredRequirement
    letters: str
    version: str

    @property
    def why(self) -> str:
        """What pip does with it."""
        return tell(
            "pip compares {requirement} letter by letter with {version}, finds no build that is called so, and fails",
            requirement=self.entry.display,
            version=self.version,
        )

    @property
    def next_step(self) -> str:
        """What to write instead."""
        return tell("write {name}=={version}", name=self.entry.name, version=self.version)


def find_unlike_letters(wanted: RequirementSet, target: Target) -> UnlikeLetters | None:
    """The first line of a set that names a pinned build by `===` in other letters than its normalised version has."""
    for entry in wanted.requirements:
        pinned = target.pin.find(entry.name or "")
        if pinned is None or not target.is_applicable(entry):
            continue
        if (letters := find_letters(entry, pinned.version)) is not None:
            return UnlikeLetters(entry, letters, str(Version(pinned.version)))
    return None


def find_letters(entry: DeclaredRequirement, version: str) -> str | None:
    """The letters of a `===` that mean a version and are not it, as pip compares them."""
    for item in entry.specifier:
        if item.operator == "===" and versions_equal(item.version, version):
            normalized = str(Version(version))
            return item.version if item.version.lower() != normalized.lower() else None
    return None
