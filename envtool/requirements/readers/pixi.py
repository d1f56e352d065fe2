"""pixi: the environments of pixi.toml and of `[tool.pixi]` in pyproject.toml.

Source: pixi documentation, "Pixi manifest" and "Multi environment".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from envtool.language import tell
from envtool.requirements.model import DependencyFile
from envtool.requirements.readers.common import get_strings, get_table, get_tables, make_form_error, parse_toml
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.tool_environments import BY_HAND, EnvironmentDraft, make_environment_set
from envtool.requirements.text_file import LineFinder, read_text

_ON_DISK = SourceFiles()
_CONDA = ("dependencies", "host-dependencies")
# The platforms that the accelerator's machines are.
_PLATFORMS = ("unix", "linux", "linux-64")


def read_pixi_toml(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """One set for each environment of a pixi.toml. Raises `RequirementsError`."""
    text = read_text(path)
    table = parse_toml(text, path)
    if not {"workspace", "project", "package"} & table.keys():
        raise make_form_error(path, tell("it has no table workspace or project"))
    return read_pixi_table(table, text, path, files)


def read_pixi_table(
    table: Mapping[str, Any], text: str, path: Path, files: SourceFiles, project: Mapping[str, Any] | None = None
) -> DependencyFile:
    """The same for a table of a pyproject.toml, whose `project` has dependencies of every environment's."""
    lines = LineFinder(text)
    environments: dict[str, list[str]] = {"default": []}
    for name, stated in get_table(table, "environments").items():
        rows = stated if isinstance(stated, list) else get_table(stated).get("features")
        features = [row for row in rows if isinstance(row, str)] if isinstance(rows, list) else []
        alone = isinstance(stated, dict) and stated.get("no-default-feature") is True
        environments[name] = [*(["-"] if alone else []), *features]
    if not get_table(table, "environments"):
        # Nobody names them together: each beside what is always there.
        environments |= {name: [name] for name in get_table(table, "feature")}
    drafts = [_draft(name, features, table, lines, path, project or {}) for name, features in environments.items()]
    sets = tuple(make_environment_set(draft, path, files) for draft in drafts)
    return DependencyFile(path, "pixi.toml", tuple(item for item in sets if item.entries or item.unresolved), BY_HAND)


def _draft(
    name: str, features: list[str], table: Mapping[str, Any], lines: LineFinder, path: Path, project: Mapping[str, Any]
) -> EnvironmentDraft:
    draft = EnvironmentDraft(name)
    extras = get_table(project, "optional-dependencies")
    groups = get_table(project, "dependency-groups")
    default = [] if "-" in features else [table]
    tables = [*default, *(get_table(table, "feature", feature) for feature in features if feature != "-")]
    for item in _with_targets(tables):
        for key in _CONDA:
            for package, stated in get_table(item, key).items():
                draft.conda.append((_format_match_spec(package, stated), lines.find_key(package)))
        for package, stated in get_table(item, "pypi-dependencies").items():
            number = lines.find_key(package)
            text = _format_requirement(package, stated, path)
            if text is None:
                draft.unresolved.append(
                    tell(
                        "{path}:{number}: pixi's dependency {package} cannot be read",
                        path=path,
                        number=number,
                        package=package,
                    )
                )
            else:
                draft.lines.append((text, number))
        options = get_table(item, "pypi-options")
        draft.lines += [(line, lines.find_key("pypi-options")) for line in _format_options(options, path)]
    if default:
        for text in get_strings(project.get("dependencies"), path, "dependencies"):
            draft.lines.append((text, lines.find_quoted(text)))
    for feature in features:
        if feature in extras:
            listed = get_strings(extras[feature], path, f"optional-dependencies.{feature}")
            draft.lines += [(text, lines.find_quoted(text)) for text in listed]
        if feature in groups:
            draft.groups.append(feature)
    return draft


def _with_targets(tables: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for table in tables:
        yield table
        yield from (get_table(table, "target", platform) for platform in _PLATFORMS)


def _format_match_spec(package: str, stated: Any) -> str:
    version = stated if isinstance(stated, str) else get_table(stated).get("version", "*")
    channel = get_table(stated).get("channel") if isinstance(stated, dict) else None
    name = f"{channel}::{package}" if isinstance(channel, str) else package
    if not isinstance(version, str) or version == "*":
        return name
    return f"{name}{version}" if version[:1] in "<>=!~" else f"{name}={version}"


def _format_requirement(package: str, stated: Any, path: Path) -> str | None:
    """A line of a requirements file for a dependency of PyPI's; `None` where it has another form."""
    row = {"version": stated} if isinstance(stated, str) else stated
    if not isinstance(row, dict):
        return None
    names = get_strings(row.get("extras"), path, tell("extras of {name}", name=package))
    extras = f"[{','.join(names)}]" if names else ""
    marker = f" ; {row['env-markers']}" if isinstance(row.get("env-markers"), str) else ""
    if isinstance(row.get("path"), str):
        folder = (path.parent.absolute() / row["path"]).resolve()
        return f"{'-e ' if row.get('editable') else ''}{folder}{extras}"
    if isinstance(row.get("git"), str):
        address = row["git"] if row["git"].startswith("git+") else f"git+{row['git']}"
        revision = row.get("rev") or row.get("tag") or row.get("branch")
        inside = f"#subdirectory={row['subdirectory']}" if row.get("subdirectory") else ""
        return f"{package}{extras} @ {address}{f'@{revision}' if revision else ''}{inside}{marker}"
    if isinstance(row.get("url"), str):
        return f"{package}{extras} @ {row['url']}{marker}"
    version = row.get("version", "*")
    if not isinstance(version, str):
        return None
    bare = version.strip()
    if bare in {"", "*"}:
        return f"{package}{extras}{marker}"
    return f"{package}{extras}{bare if bare[0] in '<>=!~' else f'=={bare}'}{marker}"


def _format_options(options: Mapping[str, Any], path: Path) -> Iterator[str]:
    if isinstance(options.get("index-url"), str):
        yield f"--index-url {options['index-url']}"
    extra = get_strings(options.get("extra-index-urls"), path, "extra-index-urls")
    yield from (f"--extra-index-url {item}" for item in extra)
    for row in get_tables(options, "find-links"):
        place = row.get("url") or row.get("path")
        if isinstance(place, str):
            yield f"--find-links {place}"
