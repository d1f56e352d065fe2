"""conda's environment.yml (conda documentation, "Creating an environment file manually"), with its pip section."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.language import tell
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    RequirementSet,
    Role,
    SourceLocation,
)
from envtool.requirements.readers.common import make_file_error, make_form_error, make_line_error
from envtool.requirements.readers.requirements_txt import NestedEntries, read_lines
from envtool.requirements.readers.source_files import SourceFiles

if TYPE_CHECKING:
    from yaml.nodes import Node

_ON_DISK = SourceFiles()
# Conda's match specification: [channel[/subdir]::]name[ or = version…]; the name is all that is taken apart.
_NAME = re.compile(r"^(?:[^:\s]+::)?([A-Za-z0-9][\w.-]*)")


def read_conda_environment(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """One set: conda's packages, and what its pip section has. Raises `RequirementsError`."""
    import yaml
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    text = files.read(path)
    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        place = SourceLocation(path, error.problem_mark.line + 1 if error.problem_mark else 1)
        raise make_line_error(place, tell("not YAML"), str(error.problem)) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise make_file_error(path, tell("{path} is not YAML", path=path), str(error)) from error
    listed = _get_child(document, "dependencies")
    if not isinstance(listed, SequenceNode):
        raise make_form_error(path, tell("it has no list called dependencies"))
    entries: list[DeclaredRequirement] = []
    pip_section = NestedEntries()
    for node in listed.value:
        if isinstance(node, ScalarNode):
            entries.append(parse_match_spec(str(node.value), SourceLocation(path, node.start_mark.line + 1)))
        elif isinstance(node, MappingNode):
            wanted = _get_child(node, "pip")
            for item in wanted.value if isinstance(wanted, SequenceNode) else ():
                # conda gives each to pip as a line of a requirements file.
                number = item.start_mark.line + 1
                found = read_lines(str(item.value), path, files, above=(path.resolve(),), first_line=number)
                pip_section = pip_section.followed_by(found)
    found_set = RequirementSet(
        path=path,
        entries=(*entries, *pip_section.entries),
        options=pip_section.options,
        unresolved=pip_section.unresolved,
    )
    return DependencyFile(path, "environment.yml", (found_set,))


def _get_child(node: Node | None, key: str) -> Node | None:
    from yaml.nodes import MappingNode

    if isinstance(node, MappingNode):
        for name, value in node.value:
            if name.value == key:
                return value if hasattr(value, "value") else None
    return None


def parse_match_spec(text: str, place: SourceLocation) -> DeclaredRequirement:
    """An entry from one of conda's match specifications."""
    match = _NAME.match(text)
    return DeclaredRequirement(
        location=place, source_text=text, name=match[1].lower() if match else None, role=Role.CONDA
    )
