"""pylock.toml (PEP 751): what is installed without a selection, and with each of its extras and groups."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.requirements.model import DeclaredRequirement, DependencyFile, RequirementSet, Section, SourceLocation
from envtool.requirements.readers.common import parse_toml
from envtool.requirements.text_file import LineFinder, read_text
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from packaging.pylock import Pylock

# As `packaging` writes them.
_MEMBERSHIP = re.compile(r'"([^"]*)" (not )?in (extras|dependency_groups)')
# The beginning of a line that is no TOML: an option, or a name and the version that it is pinned to.
_REQUIREMENT = re.compile(r"-[a-zA-Z-]|[\w.-]+(?:\[[\w.,\s-]*\])?\s*(?:===?|@)\s*\S")
_ALWAYS, _NEVER = 'python_version >= "0"', 'python_version < "0"'


def parse_pylock_table(text: str, path: Path) -> dict[str, Any]:
    """The document of a pylock file. Raises `RequirementsError`, which tells of a requirements file by this name."""
    try:
        return parse_toml(text, path)
    except RequirementsError as error:
        first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
        if not _REQUIREMENT.match(first):
            raise
        # `uv export --output-file pylock.toml` wrote one before uv knew the format.
        renamed = shlex.join(["mv", str(path), str(path.with_suffix(".txt"))])
        raise RequirementsError(
            tell("{path} is not TOML, but a requirements file by another name", path=path),
            why=error.why,
            remedy=tell(
                "{command}   (then `envtool check` and `envtool install -r` read it; or export it anew)",
                command=renamed,
            ),
        ) from error


def read_pylock(path: Path) -> DependencyFile:
    """What an installer takes of the lock: without a selection, and with each extra and each group.

    Raises `RequirementsError`.
    """
    from packaging.pylock import Pylock, PylockValidationError

    text = read_text(path)
    try:
        lock = Pylock.from_dict(parse_pylock_table(text, path))
    except PylockValidationError as error:
        raise RequirementsError(
            tell("{path} is not a pylock file", path=path),
            why=str(error),
            remedy=tell("make it anew with the tool that its created-by names"),
        ) from error
    lines = LineFinder(text)
    entries = []
    after = 1
    for package in lock.packages:
        after = lines.find(f'"{package.name}"', after)
        hashes = tuple(
            f"{kind}:{value}"
            for file in (*(package.wheels or ()), *((package.sdist,) if package.sdist else ()))
            for kind, value in file.hashes.items()
        )
        link = package.archive.url if package.archive is not None else None
        if package.vcs is not None:
            link = f"{package.vcs.type}+{package.vcs.url}@{package.vcs.commit_id}"
        entries.append(
            DeclaredRequirement(
                location=SourceLocation(path, after),
                source_text=package.name,
                name=package.name,
                specifier=SpecifierSet(f"=={package.version}" if package.version is not None else ""),
                marker=package.marker,
                link=link,
                hashes=hashes,
            )
        )
    return DependencyFile(
        path,
        "pylock.toml",
        tuple(_list_sets(path, lock, entries)),
        tell(
            "{name} is made by {program} from something else: change that, and lock again",
            name=path.name,
            program=lock.created_by,
        ),
    )


def _list_sets(path: Path, lock: Pylock, entries: Sequence[DeclaredRequirement]) -> Iterator[RequirementSet]:
    default = {normalize_name(name) for name in lock.default_groups or ()}

    def make(section: Section, name: str, extras: Collection[str], groups: Collection[str]) -> RequirementSet:
        chosen = tuple(_select(entries, extras, groups))
        return RequirementSet(path=path, section=section, name=name, entries=chosen, locked=True)

    yield make(Section.MAIN, "", (), default)
    for extra in lock.extras or ():
        yield make(Section.EXTRA, str(extra), {normalize_name(extra)}, default)
    for group in lock.dependency_groups or ():
        if normalize_name(group) not in default:
            yield make(Section.GROUP, str(group), (), {normalize_name(group)})


def _select(
    entries: Sequence[DeclaredRequirement], extras: Collection[str], groups: Collection[str]
) -> Iterator[DeclaredRequirement]:
    """The entries with markers of the environment alone, where the selection does not leave them out."""

    def decide(match: re.Match[str]) -> str:
        is_chosen = normalize_name(match[1]) in (extras if match[3] == "extras" else groups)
        return _ALWAYS if is_chosen != bool(match[2]) else _NEVER

    for entry in entries:
        text = _MEMBERSHIP.sub(decide, str(entry.marker or ""))
        if text != _NEVER:
            yield replace(entry, marker=Marker(text) if text not in {"", _ALWAYS} else None)
