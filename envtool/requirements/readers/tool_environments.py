"""The environments of tools that make their own: tox, nox, Hatch and pixi, each told apart like an extra.

The vendor's torch is in none of them by itself. What is asked is what their requirements do where they are installed
beside it, which is what a person does who works in one environment.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError, SourceError
from envtool.language import tell
from envtool.requirements.model import DeclaredRequirement, RequirementSet, Section, SourceLocation
from envtool.requirements.readers.conda_environment import parse_match_spec
from envtool.requirements.readers.install_command import read_command
from envtool.requirements.readers.requirements_txt import NestedEntries, parse_argument, read_lines

if TYPE_CHECKING:
    from envtool.requirements.readers.source_files import SourceFiles

BY_HAND = tell("the tool's own file is not edited: change the lines that `envtool check` names by hand")
# What makes a folder a project that can be installed.
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass
class EnvironmentDraft:
    """What a tool's file says of one environment.

    `lines` are lines of a requirements file and `conda` match specifications, with the lines that they stand on;
    `commands` are further installs; `groups` those of pyproject.toml; `extras` the project's own, if it
    `takes_project` at all.
    """

    name: str
    lines: list[tuple[str, int]] = field(default_factory=list)
    conda: list[tuple[str, int]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    takes_project: bool = False


def make_environment_set(draft: EnvironmentDraft, path: Path, files: SourceFiles) -> RequirementSet:
    """The set of an environment: its lines, and the project with its extras. What cannot be read is told in it."""
    found = NestedEntries()
    first = SourceLocation(path, min((number for _text, number in (*draft.lines, *draft.conda)), default=1))
    for text, number in draft.lines:
        found = found.followed_by(_try_lines(text, path, number, files))
    for command in draft.commands:
        found = found.followed_by(_read_pip(_split(command), first, files))
    for group in draft.groups:
        found = found.followed_by(_read_pip(["pip", "install", "--group", group], first, files))
    project = _make_project(draft, first) if draft.takes_project else ()
    conda = tuple(parse_match_spec(text, SourceLocation(path, number)) for text, number in draft.conda)
    return RequirementSet(
        path=path,
        section=Section.ENVIRONMENT,
        name=draft.name,
        entries=(*conda, *dict.fromkeys(found.entries), *project),
        options=found.options,
        unresolved=(*draft.unresolved, *found.unresolved),
    )


def _try_lines(text: str, path: Path, number: int, files: SourceFiles) -> NestedEntries:
    try:
        return read_lines(text, path, files, above=(path.resolve(),), first_line=number)
    except (RequirementsError, SourceError) as error:
        return NestedEntries(failures=(error,))


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _read_pip(words: list[str], place: SourceLocation, files: SourceFiles) -> NestedEntries:
    """What `… pip install WORDS` asks for."""
    at = words.index("install") + 1 if "install" in words else len(words)
    try:
        found = read_command(words[at:], place, files)
    except (RequirementsError, SourceError) as error:
        return NestedEntries(failures=(error,))
    failures = tuple(RequirementsError(text) for text in found.unresolved)
    return NestedEntries(found.entries, found.options, failures)


def _make_project(draft: EnvironmentDraft, place: SourceLocation) -> tuple[DeclaredRequirement, ...]:
    folder = place.path.parent.absolute()
    if not any((folder / name).is_file() for name in _PROJECT):
        return ()
    extras = f"[{','.join(draft.extras)}]" if draft.extras else ""
    return (parse_argument(f"{folder}{extras}", place),)
