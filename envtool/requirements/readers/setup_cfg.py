"""setup.cfg (setuptools documentation, "Configuring setuptools using setup.cfg files")."""

from __future__ import annotations

import configparser
from pathlib import Path

from envtool.language import tell
from envtool.requirements.model import DeclaredRequirement, DependencyFile, RequirementSet, Section, SourceLocation
from envtool.requirements.readers.common import make_file_error, make_project_set, parse_requirement, parse_toml
from envtool.requirements.text_file import LineFinder, read_text


def read_setup_cfg(path: Path) -> DependencyFile:
    """One set for `install_requires`, and one for each extra. Raises `RequirementsError`."""
    text = read_text(path)
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, str(path))
    except configparser.Error as error:
        raise make_file_error(
            path, tell("{path} is not a configuration file", path=path), str(error).replace("\n", " ")
        ) from error
    lines = LineFinder(text)
    base = _read_entries(parser.get("options", "install_requires", fallback=""), path, lines, r"install_requires\s*=")
    stated = parser.get("options", "install_requires", fallback="").strip()
    if is_told_by_build(path.parent) and (not stated or stated.startswith("file:")):
        return DependencyFile(path, "setup.cfg", (make_project_set(path),), _NOT_REWRITABLE)
    sets = [RequirementSet(path=path, entries=base)] if base else []
    section = "options.extras_require"
    for extra in parser.options(section) if parser.has_section(section) else ():
        found = _read_entries(parser.get(section, extra), path, lines, rf"{extra}\s*=", extra)
        sets.append(RequirementSet(path=path, section=Section.EXTRA, name=extra, entries=(*base, *found)))
    return DependencyFile(path, "setup.cfg", tuple(sets))


_NOT_REWRITABLE = tell(
    "what the project requires is written in another file: change the lines that `envtool check` names"
)


def is_told_by_build(folder: Path) -> bool:
    """Whether a setup.py, or setuptools by itself, says what the project in a folder requires."""
    path = folder / "pyproject.toml"
    return not (path.is_file() and "project" in parse_toml(read_text(path), path)) and (
        (folder / "setup.py").is_file() or (folder / "setup.cfg").is_file()
    )


def _read_entries(
    value: str, path: Path, lines: LineFinder, heading: str, group: str | None = None
) -> tuple[DeclaredRequirement, ...]:
    start = lines.find_match(heading)
    # `file: requirements.txt` is read by setuptools when it builds; the file itself can be checked.
    wanted = [] if value.strip().startswith("file:") else value.splitlines()
    stripped = [text.split(" #", 1)[0].strip() for text in wanted]
    return tuple(
        parse_requirement(text, SourceLocation(path, lines.find(text, start)), group=group)
        for text in stripped
        if text and not text.startswith("#")
    )
