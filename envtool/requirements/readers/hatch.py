"""Hatch: the environments of `[tool.hatch.envs]` in pyproject.toml and of `[envs]` in hatch.toml.

Source: Hatch documentation, "Environment configuration" and "Advanced environment configuration".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envtool.language import tell
from envtool.requirements.model import DependencyFile
from envtool.requirements.readers.common import get_table, parse_toml
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.tool_environments import BY_HAND, EnvironmentDraft, make_environment_set
from envtool.requirements.text_file import LineFinder, read_text

_ON_DISK = SourceFiles()
_LISTS = ("dependencies", "extra-dependencies")
_DEPTH = 20


def read_hatch_toml(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """One set for each environment of a hatch.toml. Raises `RequirementsError`."""
    text = read_text(path)
    return read_hatch_table(parse_toml(text, path), text, path, files)


def read_hatch_table(table: Mapping[str, Any], text: str, path: Path, files: SourceFiles) -> DependencyFile:
    """The same for a table of a pyproject.toml."""
    environments = get_table(table, "envs")
    lines = LineFinder(text)
    drafts = [_read_environment(name, environments, path, lines) for name in environments]
    sets = tuple(make_environment_set(draft, path, files) for draft in drafts)
    return DependencyFile(path, "hatch.toml", sets, BY_HAND)


def _inherit(name: str, environments: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """An environment's table over that of its template, `default` where it names none."""
    own = get_table(environments, name)
    template = name if own.get("detached") else own.get("template", "default")
    if not isinstance(template, str) or template == name or depth > _DEPTH:
        return dict(own)
    below = _inherit(template, environments, depth + 1)
    # Of these the ones of the template go on counting (Hatch documentation, "extra-dependencies").
    return {**{key: value for key, value in below.items() if key != "overrides"}, **own}


def _read_environment(name: str, environments: Mapping[str, Any], path: Path, lines: LineFinder) -> EnvironmentDraft:
    found = _inherit(name, environments)
    draft = EnvironmentDraft(name)
    start = lines.find_match(rf"\s*\[(?:tool\.hatch\.)?envs\.{re.escape(name)}\b")
    for key in _LISTS:
        for text in _list_texts(found.get(key), key, draft):
            draft.lines.append((_fill_in(text, path), lines.find_quoted(text, start)))
    for text in _list_overrides(get_table(found, "overrides"), draft):
        draft.lines.append((_fill_in(text, path), lines.find_quoted(text, start)))
    draft.extras += _list_texts(found.get("features"), "features", draft)
    draft.groups += _list_texts(found.get("dependency-groups"), "dependency-groups", draft)
    draft.commands += [text for text in _list_texts(found.get("post-install-commands"), "", draft) if "install" in text]
    draft.takes_project = not (found.get("skip-install") or found.get("detached"))
    return draft


def _list_texts(value: Any, key: str, draft: EnvironmentDraft) -> list[str]:
    """A list's texts. What is none is told where the list says what to install."""
    if value is None:
        return []
    rows = value if isinstance(value, list) else [value]
    if key and not all(isinstance(row, str) for row in rows):
        draft.unresolved.append(
            tell("{key} of the environment {name} is not a list of texts", key=key, name=draft.name)
        )
    return [row for row in rows if isinstance(row, str)]


def _list_overrides(overrides: Mapping[str, Any], draft: EnvironmentDraft) -> Iterator[str]:
    """What some of an environment's matrix, variables or platforms add."""
    for conditions in overrides.values():
        for table in get_table(conditions).values():
            for key in _LISTS:
                rows = get_table(table).get(key, get_table(table).get(f"set-{key}"))
                for row in rows if isinstance(rows, list) else [] if rows is None else [rows]:
                    text = row.get("value") if isinstance(row, dict) else row
                    if isinstance(text, str):
                        yield text
                    else:
                        draft.unresolved.append(tell("an override of {key} cannot be read", key=key))


def _fill_in(text: str, path: Path) -> str:
    """The fields of Hatch's that a requirement may have (Hatch documentation, "Context formatting")."""
    folder = path.parent.absolute()
    up = re.sub(
        r"\{root((?::parent)+)(:uri)?\}",
        lambda match: _spell(folder.parents[min(match[1].count(":parent"), len(folder.parents)) - 1], match[2]),
        text,
    )
    return re.sub(r"\{root(:uri|:real)?\}", lambda match: _spell(folder, match[1]), up)


def _spell(folder: Path, form: str | None) -> str:
    return folder.as_uri() if form == ":uri" else str(folder)
