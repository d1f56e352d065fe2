"""What dependency files of all kinds say: requirements, each with its line, and the options for the installer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packaging.markers import Marker

    from envtool.errors import EnvtoolError

# The option that installs outside the environment, but takes what the environment has for installed.
USER_SITE = "--user"
_CREDENTIALS = re.compile(r"(://)[^/\s@]+@")


@dataclass(frozen=True)
class SourceLocation:
    """A line of a file, counted from 1."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def edit_command(self) -> str:
        """The command that opens the line in an editor."""
        return f"${{EDITOR:-vi}} +{self.line} {self.path}"


class Role(Enum):
    """What an entry does: asks for a distribution, bounds its version, is one of conda's packages, or removes one.

    An override takes the place of what anything asks of that distribution (uv documentation, "Dependency overrides").
    """

    REQUIREMENT = "requirement"
    CONSTRAINT = "constraint"
    CONDA = "conda package"
    REMOVAL = "removal"
    OVERRIDE = "override"


@dataclass(frozen=True, kw_only=True)
class DeclaredRequirement:
    """One distribution as a file asks for it.

    `source_text` is the text in the file, which a rewrite replaces. `name` is normalised (PEP 503), `None` where only
    building a project tells it. `link` is the address or the absolute path of a direct reference. `group` is the extra
    or dependency group that it belongs to. `source_link` is what the file says where a stand-in is in `link`.
    """

    location: SourceLocation
    source_text: str
    name: str | None
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    extras: tuple[str, ...] = ()
    marker: Marker | None = None
    link: str | None = None
    editable: bool = False
    hashes: tuple[str, ...] = ()
    group: str | None = None
    role: Role = Role.REQUIREMENT
    source_link: str | None = None

    @property
    def display(self) -> str:
        """The requirement without its marker and hashes, as a person reads it: no address shows its credentials."""
        return _CREDENTIALS.sub(r"\1***@", self._spell(self.source_link or self.link))

    def _spell(self, link: str | None) -> str:
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        if link is not None:
            return f"{self.name}{extras} @ {link}" if self.name else f"{link}{extras}"
        return f"{self.name}{extras}{self.specifier}"

    def format_line(self) -> str:
        """The entry as a line of a requirements file, with absolute paths."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        if self.editable:
            return f"-e {self.link}{extras}"
        marker = f" ; {self.marker}" if self.marker is not None else ""
        hashes = "".join(f" --hash={value}" for value in self.hashes)
        return f"{self._spell(self.link)}{marker}{hashes}"

    def unpinned(self) -> DeclaredRequirement:
        """The same distribution in any version."""
        return replace(self, specifier=SpecifierSet(), hashes=(), link=None, editable=False)


@dataclass(frozen=True, kw_only=True)
class InstallOptions:
    """What files, command lines and pip's configuration tell an installer about indexes and choice of versions.

    `upgrade` is for everything that is asked for by name, `upgrade_names` for single distributions, `eager` for what
    they require as well. `other_destination` is an option (`--user`, `--target DIR`) that installs outside the
    environment. `choice` are further options that bear on which versions are chosen, each as one word of uv's.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    pre: bool = False
    upgrade: bool = False
    eager: bool = False
    upgrade_names: tuple[str, ...] = ()
    reinstall: bool = False
    other_destination: str | None = None
    no_deps: bool = False
    require_hashes: bool = False
    no_binary: tuple[str, ...] = ()
    only_binary: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    certificates: str | None = None
    choice: tuple[str, ...] = ()

    @property
    def ignores_installed(self) -> bool:
        """Whether it installs where nothing that the environment has counts as installed."""
        return self.other_destination not in {None, USER_SITE}

    def merge_over(self, other: InstallOptions) -> InstallOptions:
        """These options on top of others: single ones win, lists come before, flags add up."""
        merged: dict[str, Any] = {}
        for option in fields(self):
            own, below = getattr(self, option.name), getattr(other, option.name)
            merged[option.name] = tuple(dict.fromkeys((*own, *below))) if isinstance(own, tuple) else own or below
        return InstallOptions(**merged)


@dataclass(frozen=True)
class RunInstruction:
    """A command that installs: `tool` is the program, `exact` whether it also uninstalls everything else."""

    location: SourceLocation
    tool: str
    source_text: str
    exact: bool = False


class Section(Enum):
    """The part of a file that a set of requirements comes from."""

    MAIN = "main"
    EXTRA = "extra"
    GROUP = "group"
    ENVIRONMENT = "environment"
    TABLE = "table"
    INSTRUCTION = "instruction"
    BASE = "base"


_SECTION_PREFIXES = {
    Section.EXTRA: "extra ",
    Section.GROUP: "group ",
    Section.ENVIRONMENT: "environment ",
    Section.INSTRUCTION: "RUN ",
}


@dataclass(frozen=True, kw_only=True)
class RequirementSet:
    """Entries that are installed together, by one command.

    `name` is that of the extra, the group or the table, or the command of an instruction. `locked` says that the
    entries are all there is to install, with nothing behind them to resolve. `unresolved` say what else would be
    installed and cannot be told from the file, `unknown_sources` which indexes cannot: they matter where anything has
    to be fetched. `failure` is why nothing of it could be read.
    `project` is a folder whose build back end has to tell what else.
    `is_constrained` is whether its installer is held to the pins, where that does not depend on who checks it.
    `base_image` is an image that is not to be started from. `uv_entries` are what uv installs in the place of the
    entries, where it takes some of them from elsewhere than pip; `uv_options` are further ones, which only uv reads.
    """

    path: Path
    section: Section = Section.MAIN
    name: str = ""
    entries: tuple[DeclaredRequirement, ...] = ()
    options: InstallOptions = InstallOptions()
    locked: bool = False
    instruction: RunInstruction | None = None
    unresolved: tuple[str, ...] = ()
    unknown_sources: tuple[str, ...] = ()
    failure: EnvtoolError | None = None
    project: Path | None = None
    is_constrained: bool | None = None
    base_image: str | None = None
    uv_entries: tuple[DeclaredRequirement, ...] | None = None
    uv_options: InstallOptions = InstallOptions()

    @property
    def label(self) -> str:
        """The section as a person reads it, empty for the main one."""
        return f"{_SECTION_PREFIXES.get(self.section, '')}{self.name}"

    def __str__(self) -> str:
        return f"{self.path} ({self.label})" if self.label else str(self.path)

    def as_uv_reads_it(self) -> RequirementSet:
        """The set with what is there for uv alone."""
        entries = self.entries if self.uv_entries is None else self.uv_entries
        options = self.uv_options.merge_over(self.options)
        return replace(self, entries=entries, options=options, uv_entries=None, uv_options=InstallOptions())

    @cached_property
    def requirements(self) -> tuple[DeclaredRequirement, ...]:
        """The entries that ask for a distribution of Python."""
        return tuple(entry for entry in self.entries if entry.role is Role.REQUIREMENT)

    def select_role(self, role: Role) -> Iterator[DeclaredRequirement]:
        """The entries of one role."""
        return (entry for entry in self.entries if entry.role is role)


@dataclass(frozen=True)
class DependencyFile:
    """A file that was read: its kind's name, and the sets that can be installed from it.

    `not_rewritable` is the reason why a rewrite would not last, or `None`: a lock is made from something else.
    """

    path: Path
    kind: str
    sets: tuple[RequirementSet, ...]
    not_rewritable: str | None = None
