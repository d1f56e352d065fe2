"""requirements.txt (pip documentation, "Requirements File Format"), with the files that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from envtool.errors import RequirementsError, SourceError
from envtool.language import tell
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    InstallOptions,
    RequirementSet,
    Role,
    SourceLocation,
)
from envtool.requirements.readers.common import get_table, make_line_error, parse_requirement, parse_toml
from envtool.requirements.readers.conda_list import is_conda_list, read_conda_list
from envtool.requirements.readers.source_files import SourceFiles, is_on_network
from envtool.requirements.text_file import read_text
from envtool.temporary_folder import temporary_file
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from pip_requirements_parser import ParsedRequirement

# The spelling that pip admits, and only that: `${NAME}`, in capitals.
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
# A continued line: pip joins lines before it looks for comments.
_CONTINUED = re.compile(r"\\[ \t]*$")
# Options of single requirements that are younger than the parser, and tell nothing about versions.
_SETTINGS = re.compile(r"""--config-settings?(?:=|\s+)(?:"[^"\n]*"|'[^'\n]*'|\S+)""")
_EXTRAS = re.compile(r"\[([\w.,\s-]*)\]\s*$")
# A name, and an address with or without blanks around the sign (PEP 508, "URL").
_NAMED_ADDRESS = re.compile(r"[A-Za-z0-9][\w.-]*\s*(?:\[[^]]*\]\s*)?(?:\s@\s|@\s*(?:[a-z+]+://|file:))")
_WITH_SCHEME = re.compile(r"^(?:[a-z+]+://|file:|(?:git|hg|svn|bzr)\+)")


_ON_DISK = SourceFiles()


@dataclass(frozen=True)
class NestedEntries:
    """What a requirements file says, with all that it names. `failures` are why parts of it could not be read."""

    entries: tuple[DeclaredRequirement, ...] = ()
    options: InstallOptions = field(default_factory=InstallOptions)
    failures: tuple[RequirementsError | SourceError, ...] = ()

    @property
    def unresolved(self) -> tuple[str, ...]:
        """What else would be installed and cannot be told from the file."""
        return tuple(str(error) for error in self.failures)

    def followed_by(self, other: NestedEntries) -> NestedEntries:
        """These and then others, whose options win."""
        return NestedEntries(
            (*self.entries, *other.entries),
            other.options.merge_over(self.options),
            (*self.failures, *other.failures),
        )


def read_requirements(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """Read a requirements file, and the files it names with `-r` and `-c`. Raises `RequirementsError`."""
    text = files.read(path)
    if is_conda_list(text):
        return read_conda_list(text, path)
    found = read_lines(text, path, files, above=(path.resolve(),))
    wanted = RequirementSet(
        path=path,
        entries=found.entries,
        options=found.options,
        unresolved=found.unresolved,
        # Nothing of it can be judged then.
        failure=next(iter(found.failures), None) if not found.entries else None,
    )
    return DependencyFile(path, "requirements.txt", (wanted,))


def read_nested(
    path: Path,
    files: SourceFiles = _ON_DISK,
    *,
    role: Role = Role.REQUIREMENT,
    above: tuple[Path, ...] = (),
) -> NestedEntries:
    """The entries and options of a file and of those it names. `above` are the files that led to it."""
    resolved = path.resolve()
    if resolved in above:
        chain = " → ".join(item.name for item in (*above[above.index(resolved) :], resolved))
        raise RequirementsError(
            tell("{path} includes itself", path=path), why=chain, remedy=f"grep -nE '^-[rc]' {above[-1]}"
        )
    return read_lines(files.read(path), path, files, role=role, above=(*above, resolved))


def read_lines(
    text: str,
    path: Path,
    files: SourceFiles = _ON_DISK,
    *,
    role: Role = Role.REQUIREMENT,
    above: tuple[Path, ...] = (),
    first_line: int = 1,
) -> NestedEntries:
    """The same for lines that stand in a file from `first_line` on."""
    text, found = _expand_variables(text, SourceLocation(path, first_line), files)
    rows = text.splitlines()
    for line in _parse_lines(text):
        number = line.line_number if hasattr(line, "line_number") else line.requirement_line.line_number
        place = SourceLocation(path, number + first_line - 1)
        try:
            read = _read_line(line, place, _join_source_text(rows, number), files, role, above)
        except (RequirementsError, SourceError) as error:
            if not files.is_lenient:
                raise
            read = NestedEntries(failures=(error,))
        found.append(read)
    return _join(found)


def _join(found: Sequence[NestedEntries]) -> NestedEntries:
    """All of them together, the options of the last ones first. One by one it would take the square of their number."""
    options = nothing = InstallOptions()
    for item in found:
        if item.options != nothing:
            options = item.options.merge_over(options)
    return NestedEntries(
        tuple(entry for item in found for entry in item.entries),
        options,
        tuple(error for item in found for error in item.failures),
    )


def _read_line(
    line: Any, place: SourceLocation, written: str, files: SourceFiles, role: Role, above: tuple[Path, ...]
) -> NestedEntries:
    from pip_requirements_parser import InvalidRequirementLine, ParsedRequirement

    if isinstance(line, InvalidRequirementLine):
        why = line.error_message.removeprefix("pip_requirements_parser: error: ")
        raise make_line_error(place, tell("{line!r} cannot be read", line=line.line.strip()), why)
    if isinstance(line, ParsedRequirement):
        return NestedEntries((_read_entry(line, place, written, role),))
    found = NestedEntries(options=_read_options(line.options, place.path.parent))
    for kind, inner_role in (("requirements", role), ("constraints", Role.CONSTRAINT)):
        for name in line.options.get(kind) or ():
            inner = read_named(name, place, files, role=inner_role, above=above)
            found = replace(inner.followed_by(found), entries=(*found.entries, *inner.entries))
    return found


def read_named(
    name: str,
    place: SourceLocation,
    files: SourceFiles,
    *,
    role: Role = Role.REQUIREMENT,
    above: tuple[Path, ...] = (),
) -> NestedEntries:
    """What the file says that a line names, on this machine or on a network.

    Raises `RequirementsError`, and `SourceError` where it cannot be fetched.
    """
    if not is_on_network(name):
        return read_nested(files.locate(place, name), files, role=role, above=above)
    # A server's lines are to send nothing of this machine anywhere.
    foreign = replace(files, variables=None)
    found = read_lines(files.fetch_text(place, name), place.path, foreign, role=role, above=above)
    # Nobody can edit the lines of what is on a network; the line that names it is what can be changed.
    return replace(found, entries=tuple(replace(entry, location=place) for entry in found.entries))


def _parse_lines(text: str) -> list[Any]:
    """The lines as pip's own grammar reads them, those included that pip would refuse."""
    from pip_requirements_parser import CommentRequirementLine, parse_requirements

    # The parser reads files only, and this text is no longer the file's.
    plain = _SETTINGS.sub(lambda match: " " * len(match[0]), text)
    with temporary_file(plain, "requirements.txt") as file:
        lines = list(parse_requirements(str(file), include_nested=False))
    return [line for line in lines if not isinstance(line, CommentRequirementLine)]


def _expand_variables(text: str, first: SourceLocation, files: SourceFiles) -> tuple[str, list[NestedEntries]]:
    """The text with the values of variables, without lines whose author must not have them, and why those are missing.

    Raises `RequirementsError` for such a line where that is not lenient.
    """
    if not _VARIABLE.search(text):
        return text, []
    variables = files.find_variables(first.path)
    if variables is not None:
        return _VARIABLE.sub(lambda match: variables.get(match[1]) or match[0], text), []
    rows, withheld = text.split("\n"), []
    for number, row in enumerate(rows):
        names = [name for name in _VARIABLE.findall(row) if os.environ.get(name)]
        if not names or row.lstrip().startswith("#"):
            continue
        error = RequirementsError(
            tell("{place}: {name} is not put in", place=SourceLocation(first.path, first.line + number),
                 name=f"${{{names[0]}}}"),
            why=tell("somebody else wrote the line, which may send the value to any address"),
            remedy=tell("unset {name}   (or have the file belong to who runs this)", name=names[0]),
        )  # fmt: skip
        if not files.is_lenient:
            raise error
        withheld.append(NestedEntries(failures=(error,)))
        rows[number] = ""
    return "\n".join(rows), withheld


def _read_entry(line: ParsedRequirement, place: SourceLocation, written: str, role: Role) -> DeclaredRequirement:
    hashes = tuple(line.options.get("hashes") or ()) if line.options else ()
    entry = parse_argument(line.requirement_string, place, role=role, editable=line.is_editable)
    return replace(entry, source_text=written, hashes=hashes)


def parse_argument(
    text: str,
    place: SourceLocation,
    *,
    role: Role = Role.REQUIREMENT,
    editable: bool = False,
    folder: Path | None = None,
) -> DeclaredRequirement:
    """An entry from what pip takes as an argument: a requirement, an address, or a path.

    Relative paths start at `folder`, by default the file's. Raises `RequirementsError`.
    """
    folder = folder or place.path.parent
    bare, _separator, marker = text.partition(" ;") if _is_path(text) else (text, "", "")
    if not editable and not _is_path(bare):
        entry = parse_requirement(text, place, role=role)
        return entry if entry.link is None else replace(entry, link=_make_absolute(entry.link, folder))
    extras: tuple[str, ...] = ()
    if match := _EXTRAS.search(bare):
        extras, bare = tuple(part.strip() for part in match[1].split(",")), bare[: match.start()]
    version = _read_wheel_version(bare)
    named = parse_requirement(f"{version[0]}=={version[1]}", place) if version is not None else None
    return DeclaredRequirement(
        location=place,
        source_text=text,
        name=named.name if named is not None else _get_name(bare, folder),
        specifier=named.specifier if named is not None else SpecifierSet(),
        extras=extras,
        marker=Marker(marker) if marker.strip() else None,
        link=_make_absolute(bare.strip(), folder),
        editable=editable,
        role=role,
    )


def _is_path(text: str) -> bool:
    """Whether pip takes an argument for an address or a path (pip documentation, "pip install", argument forms)."""
    head = text.split(" ;")[0].strip()
    if _NAMED_ADDRESS.match(head):
        return False
    return (
        _WITH_SCHEME.match(head) is not None
        or head.startswith((".", "/"))
        or "/" in head.split("[")[0]
        or head.endswith((".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz"))
    )


def _read_wheel_version(address: str) -> tuple[str, str] | None:
    """The name and version that a wheel's file name tells, local label included."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, _build, _tags = parse_wheel_filename(unquote(urlsplit(address).path.rsplit("/", 1)[-1]))
    except InvalidWheelFilename:
        return None
    return name, str(version)


def _get_name(address: str, folder: Path) -> str | None:
    """The name of a project: from `#egg=`, or where it is a folder from its pyproject.toml."""
    fragment = urlsplit(address).fragment
    if match := re.search(r"(?:^|&)egg=([\w.-]+)", fragment):
        return normalize_name(match[1])
    project = Path(_make_absolute(address, folder).removeprefix("file://")) / "pyproject.toml"
    if not project.is_file():
        return None
    name = get_table(parse_toml(read_text(project), project), "project").get("name")
    return normalize_name(name) if isinstance(name, str) else None


def _make_absolute(address: str, folder: Path) -> str:
    if address.startswith("file:") and not address.startswith("file:///"):
        address = address.removeprefix("file:").removeprefix("//")
    if _WITH_SCHEME.match(address):
        return address
    location, mark, fragment = address.partition("#")
    return str((folder / location).resolve()) + mark + fragment


def _join_source_text(rows: list[str], line: int) -> str:
    """The source text of a requirement: its line and, where it goes on, those after it."""
    end = line
    while end < len(rows) and _CONTINUED.search(rows[end - 1]):
        end += 1
    return "\n".join(rows[line - 1 : end])


def _read_options(table: Mapping[str, Any], folder: Path) -> InstallOptions:
    """The options of a line, by the names that pip's parser has for them."""

    def words(name: str) -> tuple[str, ...]:
        return tuple(table.get(name) or ())

    return InstallOptions(
        index_url=table.get("index_url"),
        extra_index_urls=words("extra_index_urls"),
        find_links=tuple(_make_absolute(item, folder) for item in words("find_links")),
        no_index=bool(table.get("no_index")),
        pre=bool(table.get("pre")),
        require_hashes=bool(table.get("require_hashes")),
        no_binary=split_names(words("no_binary")),
        only_binary=split_names(words("only_binary")),
        trusted_hosts=words("trusted_hosts"),
    )


def split_names(values: Sequence[str]) -> tuple[str, ...]:
    """The names in the values of `--no-binary` and `--only-binary`."""
    return tuple(name for value in values for name in value.split(",") if name)
