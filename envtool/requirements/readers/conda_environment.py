"""conda's environment.yml (conda documentation, "Creating an environment file manually"), with its pip section."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError
from envtool.requirements.model import (
    DeclaredRequirement,
    DependencyFile,
    InstallOptions,
    RequirementSet,
    Role,
    SourceLocation,
)
from envtool.requirements.readers.common import make_form_error
from envtool.requirements.readers.requirements_txt import parse_argument, read_nested
from envtool.requirements.text_file import read_text

if TYPE_CHECKING:
    from yaml.nodes import Node, ScalarNode

# Conda's match specification: [channel[/subdir]::]name[ or = version…]; the name is all that is taken apart.
_NAME = re.compile(r"^(?:[^:\s]+::)?([A-Za-z0-9][\w.-]*)")
_FILE = re.compile(r"^(-r|--requirement|-c|--constraint|-e|--editable)[=\s]\s*(.+)$")


def read_conda_environment(path: Path) -> DependencyFile:
    """One set: conda's packages, and what its pip section has. Raises `RequirementsError`."""
    import yaml
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    text = read_text(path)
    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RequirementsError(
            f"{path}:{line}: not YAML", why=str(error.problem), remedy=f"${{EDITOR:-vi}} +{line} {path}"
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise RequirementsError(f"{path} is not YAML", why=str(error), remedy=f"${{EDITOR:-vi}} {path}") from error
    listed = _get_child(document, "dependencies")
    if not isinstance(listed, SequenceNode):
        raise make_form_error(path, "it has no list called dependencies")
    entries: list[DeclaredRequirement] = []
    options = InstallOptions()
    for node in listed.value:
        if isinstance(node, ScalarNode):
            entries.append(_read_conda(node, path))
        elif isinstance(node, MappingNode):
            wanted = _get_child(node, "pip")
            for item in wanted.value if isinstance(wanted, SequenceNode) else ():
                found, more = _read_pip(item, path)
                entries += found
                options = options.merge_over(more)
    return DependencyFile(
        path, "environment.yml", (RequirementSet(path=path, entries=tuple(entries), options=options),)
    )


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


def _read_conda(node: ScalarNode, path: Path) -> DeclaredRequirement:
    return parse_match_spec(str(node.value), SourceLocation(path, node.start_mark.line + 1))


def _read_pip(node: Node, path: Path) -> tuple[tuple[DeclaredRequirement, ...], InstallOptions]:
    text, place = str(node.value).strip(), SourceLocation(path, node.start_mark.line + 1)
    match = _FILE.match(text)
    if match is None and text.startswith("-"):
        return (), _read_option(text)
    if match is None:
        return (parse_argument(text, place),), InstallOptions()
    if match[1] in {"-e", "--editable"}:
        return (parse_argument(match[2], place, editable=True),), InstallOptions()
    role = Role.CONSTRAINT if match[1] in {"-c", "--constraint"} else Role.REQUIREMENT
    inner = path.parent / match[2]
    if not inner.exists():
        raise RequirementsError(f"{place}: {match[2]} does not exist", remedy=f"ls {inner.parent}")
    found = read_nested(inner, role=role, above=(path.resolve(),))
    return found.entries, found.options


def _read_option(text: str) -> InstallOptions:
    name, _separator, value = text.replace("=", " ", 1).partition(" ")
    value = value.strip()
    match name:
        case "-i" | "--index-url":
            return InstallOptions(index_url=value)
        case "--extra-index-url":
            return InstallOptions(extra_index_urls=(value,))
        case "-f" | "--find-links":
            return InstallOptions(find_links=(value,))
        case "--no-index":
            return InstallOptions(no_index=True)
        case "--pre":
            return InstallOptions(pre=True)
        case _:
            return InstallOptions()
