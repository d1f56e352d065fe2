"""tox: the environments of tox.ini, of `[testenv…]` in setup.cfg, and of tox.toml or `[tool.tox]`.

Sources: tox documentation, "Configuration"; what tox-conda adds to it, `conda_deps`.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from envtool.language import tell
from envtool.requirements.model import DependencyFile
from envtool.requirements.readers.common import get_strings, get_table, make_file_error, make_form_error, parse_toml
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.tool_environments import BY_HAND, EnvironmentDraft, make_environment_set
from envtool.requirements.text_file import LineFinder, read_text

_ON_DISK = SourceFiles()
_DEPTH = 12
_REFERENCE = re.compile(r"\{\[([^\]{}]+)\]([\w-]+)\}")
_SUBSTITUTION = re.compile(r"(?<!\\)\{([^{}]*)\}")
_CONDITION = re.compile(r"^(!?[\w.{},\s!-]+?):\s+(.*)$|^(!?[\w.{},!-]+):$", re.DOTALL)
_PYTHON_FACTOR = re.compile(r"py\d*|pypy\d*|python[\d.]*|\d+\.\d+")
_SETTINGS = frozenset({"env", "env_run_base", "env_pkg_base", "env_list", "requires", "min_version", "legacy_tox_ini"})
# Environments of one file.
_MOST = 60


@dataclass
class _Ini:
    path: Path
    parser: configparser.RawConfigParser
    lines: LineFinder
    prefix: str = ""
    files: SourceFiles = field(default_factory=SourceFiles)

    def get(self, section: str, key: str) -> str | None:
        """The text of a setting, under any of the names that it had in tox 3 and has in tox 4."""
        for name in (key, key.replace("_", "-"), key.replace("_", "")):
            if self.parser.has_option(section, name):
                return self.parser.get(section, name)
        return None


def read_tox_ini(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """One set for each environment. Raises `RequirementsError`."""
    return read_tox_text(read_text(path), path, files)


def read_tox_text(text: str, path: Path, files: SourceFiles, prefix: str = "") -> DependencyFile:
    """The same for a text that stands somewhere else. `prefix` is that of tox's own section."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text, str(path))
    except configparser.Error as error:
        raise make_file_error(
            path, tell("{path} is not a configuration file", path=path), str(error).replace("\n", " ")
        ) from error
    if not any(section == "tox" or section.startswith("testenv") for section in parser.sections()):
        if not prefix:
            raise make_form_error(path, tell("it has neither a section tox nor a testenv"))
        return DependencyFile(path, "tox.ini", (), BY_HAND)
    ini = _Ini(path, parser, LineFinder(text), prefix, files)
    sets = tuple(make_environment_set(_read_environment(ini, name), path, files) for name in _list_environments(ini))
    return DependencyFile(path, "tox.ini", sets, BY_HAND)


def _list_environments(ini: _Ini) -> list[str]:
    listed = ini.get(f"{ini.prefix}tox", "env_list") or ""
    names = expand_names(listed)
    for section in ini.parser.sections():
        if section.startswith("testenv:"):
            names += expand_names(section.removeprefix("testenv:"))
    found = list(dict.fromkeys(names))
    factors = {part for name in found for part in name.split("-")}
    stated = (ini.get("testenv", "deps") or "") + (ini.get("testenv", "conda_deps") or "")
    if (not found or all(ini.parser.has_section(f"testenv:{name}") for name in found)) and "testenv" in ini.parser:
        # It is what any name that is given on the command line takes.
        found.insert(0, "testenv")
    # Conditions on factors that no listed environment has are for names that are typed.
    more = [
        name
        for row in stated.splitlines()
        if (match := _CONDITION.match(row.strip()))
        for name in expand_names(match[1] or match[3])
        if "!" not in name and not set(name.split("-")) & factors
    ]
    return list(dict.fromkeys([*found, *more]))[:_MOST]


def expand_names(text: str) -> list[str]:
    """The names of a list in which braces stand for each of what is in them."""
    names: list[str] = []
    plain = re.sub(r"(?m)(?:^|\s)#.*$", "", text)
    for word in re.findall(r"(?:\{[^{}]*\}|[^\s,{}])+", plain):
        parts = [
            [item.strip() for item in piece[1:-1].split(",")] if piece.startswith("{") else [piece]
            for piece in re.findall(r"\{[^{}]*\}|[^{}]+", word)
        ]
        parts = [_expand_range(options) for options in parts]
        names += ["".join(chosen).strip("-") for chosen in product(*parts)][:_MOST]
    return [name for name in names if name]


def _expand_range(options: list[str]) -> list[str]:
    """`{310-313}`, a range since tox 4.26."""
    if len(options) == 1 and (match := re.fullmatch(r"(\d{1,3})-(\d{1,3})", options[0])):
        return [str(number) for number in range(int(match[1]), min(int(match[2]), int(match[1]) + 30) + 1)]
    return options


def _read_environment(ini: _Ini, name: str) -> EnvironmentDraft:
    own = f"testenv:{name}"
    section = own if ini.parser.has_section(own) else _find_section(ini, name)
    chain = [item for item in (section, "testenv") if item is not None and ini.parser.has_section(item)]

    def find(key: str) -> tuple[str, str]:
        for item in chain:
            value = ini.get(item, key)
            if value is not None:
                return value, item
        return "", chain[0] if chain else "testenv"

    draft = EnvironmentDraft(name)
    for key, is_conda in (("deps", False), ("conda_deps", True)):
        value, at = find(key)
        start = ini.lines.find_match(rf"\s*\[{re.escape(at)}\]")
        for text in _expand(value, ini, name, draft, 0).splitlines():
            for line in _select_lines(text.strip(), name):
                number = ini.lines.find(line.split(" #")[0].strip(), start)
                (draft.conda if is_conda else draft.lines).append((line, number))
    draft.commands += [
        line for line in _expand(find("commands_pre")[0], ini, name, draft, 0).splitlines() if "install" in line
    ]
    groups = _expand(find("dependency_groups")[0], ini, name, draft, 0)
    draft.groups += [item for item in re.split(r"[\s,]+", groups) if item]
    extras = _expand(find("extras")[0], ini, name, draft, 0)
    draft.extras += [item for line in extras.splitlines() for one in _select_lines(line.strip(), name)
                     for item in re.split(r"[\s,]+", one) if item]  # fmt: skip
    without = ini.get(f"{ini.prefix}tox", "skipsdist") or ini.get(f"{ini.prefix}tox", "no_package") or ""
    skipped = find("skip_install")[0] or without or ("true" if find("package")[0] == "skip" else "")
    draft.takes_project = skipped.strip().lower() not in {"true", "1", "yes"}
    return draft


def _find_section(ini: _Ini, name: str) -> str | None:
    """A section whose name has braces in it, or the name's own."""
    for section in ini.parser.sections():
        if section.startswith("testenv:") and name in expand_names(section.removeprefix("testenv:")):
            return section
    return None


def _expand(text: str, ini: _Ini, name: str, draft: EnvironmentDraft, depth: int) -> str:
    """The text with what it refers to in its place; what cannot be told is in the draft's `unresolved`."""
    if depth > _DEPTH:
        draft.unresolved.append(tell("[testenv:{name}] refers to itself", name=name))
        return ""

    def refer(match: re.Match[str]) -> str:
        return _expand(ini.get(match[1], match[2]) or "", ini, name, draft, depth + 1)

    def substitute(match: re.Match[str]) -> str:
        word = match[1]
        if "," in word:
            return match[0]
        if word in {"toxinidir", "tox_root"}:
            return str(ini.path.parent.absolute())
        if word == "envname":
            return name
        if word == "/":
            return "/"
        if word.startswith(("env:", "posargs")):
            return word.removeprefix("env:").partition(":")[2] if word.startswith("env:") else word.partition(":")[2]
        draft.unresolved.append(tell("what {word} is in [testenv:{name}] is not known", word=f"{{{word}}}", name=name))
        return ""

    return _SUBSTITUTION.sub(substitute, _REFERENCE.sub(refer, text))


def _select_lines(text: str, name: str) -> Iterator[str]:
    """The line, if it is for an environment: `factor: line` is for those that have one of its factors."""
    if not text or text.startswith("#"):
        return
    match = _CONDITION.match(text)
    if match is None or text.startswith(("-", ".", "/", "git+", "http")):
        yield text
        return
    factors = set(name.split("-")) | {name}
    alternatives = expand_names(match[1] or match[3])
    for alternative in alternatives:
        words = alternative.split("-")
        if all((word.lstrip("!") in factors) != word.startswith("!") for word in words):
            if match[2]:
                yield match[2].strip()
            return


def read_tox_toml(path: Path, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """One set for each environment of a tox.toml. Raises `RequirementsError`."""
    text = read_text(path)
    table = parse_toml(text, path)
    if not _SETTINGS & table.keys():
        raise make_form_error(path, tell("it has none of tox's settings"))
    return read_tox_table(table, text, path, files)


def read_tox_table(table: Mapping[str, Any], text: str, path: Path, files: SourceFiles) -> DependencyFile:
    """The same for a table of a pyproject.toml."""
    legacy = table.get("legacy_tox_ini")
    if isinstance(legacy, str):
        return read_tox_text(legacy, path, files)
    base = get_table(table, "env_run_base")
    lines = LineFinder(text)
    sets = []
    environments = get_table(table, "env") or {"env_run_base": {}}
    for name, own in environments.items():
        found = {**base, **get_table(own)}
        draft = EnvironmentDraft(name)
        for key, target in (("deps", draft.lines), ("conda_deps", draft.conda)):
            value = found.get(key)
            for item in [value] if isinstance(value, str) else value if isinstance(value, list) else ():
                if isinstance(item, str):
                    target.append((item, lines.find_quoted(item, 1)))
                else:
                    draft.unresolved.append(
                        tell("{key} of the environment {name} refers to another one", key=key, name=name)
                    )
        draft.extras += get_strings(found.get("extras"), path, "extras")
        draft.groups += get_strings(found.get("dependency_groups"), path, "dependency_groups")
        draft.takes_project = found.get("skip_install") is not True and found.get("package") != "skip"
        sets.append(make_environment_set(draft, path, files))
    return DependencyFile(path, "tox.toml", tuple(sets), BY_HAND)
