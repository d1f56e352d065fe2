"""Reads profiles: what is known of a vendor, as TOML. The form is published as `docs/profile.schema.json`.

A pattern matches a whole version as PEP 440 normalises it. `{public}` in it stands for the public part.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from envtool.documents import parse_toml
from envtool.errors import SettingsError
from envtool.language import mark_message, tell
from envtool.link_rights import may_name_file
from envtool.regular_file import read_regular_file
from envtool.release.hac_service import DRIVER_PARSER
from envtool.release.profile import (
    TORCH,
    CureWords,
    DriverProgram,
    IntruderRule,
    PinnedName,
    Profile,
    PublishedBuild,
    SignNeed,
    VendorSigns,
    VersionRule,
)

SCHEMA = 1
# The profile that is meant where none is named and none is found.
DEFAULT = "hac"
PROFILES = Path(__file__).parent / "profiles"
# The parsers of drivers' tables that envtool has; the room `driver` has one for each.
PARSERS = (DRIVER_PARSER,)
_PUBLIC = r"(?P<public>(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?(?:\.dev[0-9]+)?)"
_GROUPS = frozenset({"public", "compute", "vendor", "release"})
# Of files that were named; those that come with envtool and the user's own are known by their ids before these.
_from_files: dict[str, Profile] = {}
_ID = re.compile(r"[a-z][a-z0-9-]*")
_KEYS = {
    "": {
        *("schema", "id", "title", "label", "detected", "version", "pinned", "cure", "signs", "records", "wheels"),
        *("published", "stand-ins", "intruders", "unusable", "driver", "indexes"),
    },
    "version": {"distribution", "pattern", "sign", "platform"},
    "pinned": {"name", "version"},
    "published": {"torch", "build", "python", "companions"},
    "signs": {"files", "variables", "distributions"},
    "intruders": {"names", "prefixes"},
    "driver": {"programs", "parser", "folder", "distribution"},
    "cure": {"lost", "restore", "release"},
}


def list_profiles() -> tuple[Profile, ...]:
    """The profiles that come with envtool, and those of the user's folder; the default one first.

    Raises `SettingsError` for a file of the user's that is no profile.
    """
    paths = [*sorted(PROFILES.glob("*.toml")), *sorted(_list_own_files())]
    paths.sort(key=lambda path: path.stem != DEFAULT)
    found: dict[str, Profile] = {}
    for path in paths:
        profile = read_profile(path)
        found[profile.id] = profile
    return tuple(found.values())


@lru_cache(maxsize=32)
def load_profile(name: str, named_by: Path | None = None) -> Profile:
    """The profile of that id, or in the file of that path. Raises `SettingsError`.

    `named_by` is the file of settings that names it: root reads only what whoever wrote that file may read.
    """
    if _ID.fullmatch(name):
        for path in (PROFILES / f"{name}.toml", *(path for path in _list_own_files() if path.stem == name)):
            if path.is_file():
                return read_profile(path)
        if name in _from_files:
            return _from_files[name]
        if not Path(name).is_file():
            known = ", ".join(path.stem for path in [*sorted(PROFILES.glob("*.toml")), *_list_own_files()])
            raise SettingsError(
                tell("there is no profile called {name!r}", name=name),
                why=tell("there are {known}", known=known),
                remedy="envtool profile list",
            )
    path = Path(name).expanduser()
    if named_by is not None and not may_name_file(named_by, path):
        raise SettingsError(
            tell("the settings in {path} cannot be followed", path=named_by),
            why=tell("they name {path}, which whoever wrote them may not read", path=path),
            remedy=tell("name a profile yourself: --profile NAME   (envtool profile list)"),
        )
    profile = read_profile(path)
    # A pin names it by its id from then on.
    _from_files[profile.id] = profile
    return profile


def load_default_profile() -> Profile:
    """The profile that holds where none is named and none is found."""
    return load_profile(DEFAULT)


def get_profiles_folder() -> Path:
    """The folder for a user's own profiles, which need not exist."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(base) / "hac-envtool" / "profiles"


def read_profile(path: Path) -> Profile:
    """The profile in a file. Raises `SettingsError`, saying what is wrong and in which key."""
    try:
        data = read_regular_file(path)
    except OSError as error:
        raise SettingsError(
            tell("the profile {path} cannot be read", path=path),
            why=str(error.strerror or error),
            remedy=f"ls -l {path}",
        ) from error
    return parse_profile(data, path)


def parse_profile(data: bytes, path: Path) -> Profile:
    """The profile in a file's content; `path` is where it is. Raises `SettingsError`."""
    try:
        profile = _build_profile(parse_toml(data.decode()))
        return profile if path.parent == PROFILES else _bound_patterns(profile, path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise SettingsError(
            tell("{path} is not a profile", path=path),
            why=why,
            remedy=tell("${{EDITOR:-vi}} {path}   (docs/profile.schema.json)", path=path),
        ) from error


def _bound_patterns(profile: Profile, path: Path) -> Profile:
    """The profile with patterns that come to an end whoever wrote them. Raises `ValueError`."""
    # Only now: envtool's own need none of it.
    from envtool.release.bounded_pattern import BoundedPattern

    versions = [replace(rule, pattern=BoundedPattern(rule.pattern.pattern, path)) for rule in profile.versions]
    pinned = [
        item if item.version is None else replace(item, version=BoundedPattern(item.version.pattern, path))
        for item in profile.pinned
    ]
    return replace(profile, versions=tuple(versions), pinned=tuple(pinned))


def _list_own_files() -> Iterator[Path]:
    try:
        yield from get_profiles_folder().glob("*.toml")
    except (OSError, RuntimeError):
        return


def _build_profile(table: dict[str, Any]) -> Profile:
    _check_keys(table, "")
    if table["schema"] != SCHEMA:
        raise ValueError(f"schema: {table['schema']!r} is not known; {SCHEMA} is")
    identity = _text(table["id"], "id")
    if not _ID.fullmatch(identity):
        raise ValueError(f"id: {identity!r} is not lower-case letters, digits and hyphens")
    pinned = tuple(_build_pinned(row, f"pinned[{number}]") for number, row in enumerate(_rows(table, "pinned")))
    if not any(item.name == TORCH for item in pinned):
        raise ValueError(f"pinned: none is called {TORCH}")
    versions = tuple(_build_rule(row, f"version[{number}]") for number, row in enumerate(_rows(table, "version")))
    if not versions:
        raise ValueError("version: there must be one at least")
    unusable = table.get("unusable")
    return Profile(
        id=identity,
        title=_text(table["title"], "title"),
        versions=versions,
        pinned=pinned,
        cure=_build_cure(table["cure"]),
        label=_optional_text(table, "label"),
        detected=_truth(table.get("detected", True), "detected"),
        signs=_build_signs(_table(table, "signs")),
        records=_texts(table.get("records", []), "records"),
        wheels=_paths(table.get("wheels", []), "wheels"),
        published=tuple(
            _build_published(row, f"published[{number}]") for number, row in enumerate(_rows(table, "published"))
        ),
        stand_ins={
            name: _texts(value, f"stand-ins.{name}") for name, value in _table(table, "stand-ins", any_key=True).items()
        },
        intruders=_build_intruders(_table(table, "intruders")),
        unusable=None if unusable is None else _pattern(unusable, "unusable"),
        driver=_build_driver(_table(table, "driver")),
        indexes=_texts(table.get("indexes", []), "indexes"),
    )


def _build_rule(row: dict[str, Any], where: str) -> VersionRule:
    _check_keys(row, where)
    pattern = _pattern(row["pattern"], f"{where}.pattern")
    if unknown := pattern.groupindex.keys() - _GROUPS:
        raise ValueError(f"{where}.pattern: a part is called {min(unknown)}; {', '.join(sorted(_GROUPS))} are known")
    if "public" not in pattern.groupindex:
        raise ValueError(f"{where}.pattern: no part is called public; {{public}} stands for it")
    sign = row.get("sign", "none")
    if sign not in {item.value for item in SignNeed}:
        raise ValueError(f"{where}.sign: {sign!r} is none of {', '.join(item.value for item in SignNeed)}")
    distribution = _name(row.get("distribution", TORCH), f"{where}.distribution")
    return VersionRule(distribution, pattern, SignNeed(sign), _optional_text(row, "platform"))


def _build_pinned(row: dict[str, Any], where: str) -> PinnedName:
    _check_keys(row, where)
    version = row.get("version")
    return PinnedName(
        _name(row["name"], f"{where}.name"), None if version is None else _pattern(version, f"{where}.version")
    )


def _build_published(row: dict[str, Any], where: str) -> PublishedBuild:
    _check_keys(row, where)
    python = row.get("python")
    numbers = None
    if python is not None:
        if not re.fullmatch(r"3\.[0-9]{1,3}", _text(python, f"{where}.python")):
            raise ValueError(f"{where}.python: {python!r} is not of the form 3.N")
        numbers = (3, int(python.partition(".")[2]))
    companions = row.get("companions", {})
    if not isinstance(companions, dict):
        raise ValueError(f"{where}.companions: it is not a table")
    return PublishedBuild(
        torch=_text(row["torch"], f"{where}.torch"),
        build=_optional_text(row, "build"),
        python=numbers,
        companions={name: _text(value, f"{where}.companions.{name}") for name, value in companions.items()},
    )


def _build_cure(row: Any) -> CureWords:
    if not isinstance(row, dict):
        raise ValueError("cure: it is not a table")
    _check_keys(row, "cure")
    release = _text(row.get("release", CureWords.release), "cure.release")
    if "{release}" not in release or re.search(r"[{}]", release.replace("{release}", "")):
        raise ValueError("cure.release: {release}, and nothing else in braces, stands in it for the release")
    return CureWords(
        lost=mark_message(_text(row["lost"], "cure.lost")),
        restore=_text(row["restore"], "cure.restore"),
        release=release,
    )


def _build_signs(row: dict[str, Any]) -> VendorSigns:
    values = {key: _texts(row.get(key, []), f"signs.{key}") for key in ("files", "variables", "distributions")}
    _paths(list(values["files"]), "signs.files")
    return VendorSigns(**values)


def _build_intruders(row: dict[str, Any]) -> IntruderRule:
    names, prefixes = (_texts(row.get(key, []), f"intruders.{key}") for key in ("names", "prefixes"))
    if "" in prefixes:
        raise ValueError("intruders.prefixes: an empty one would match everything")
    return IntruderRule(frozenset(names), prefixes)


def _build_driver(row: dict[str, Any]) -> DriverProgram:
    parser = _optional_text(row, "parser")
    if parser is not None and parser not in PARSERS:
        raise ValueError(f"driver.parser: envtool has no parser {parser!r}; it has {', '.join(PARSERS)}")
    return DriverProgram(
        programs=_texts(row.get("programs", []), "driver.programs"),
        parser=parser,
        folder=_optional_text(row, "folder"),
        distribution=_optional_text(row, "distribution"),
    )


def _check_keys(table: dict[str, Any], where: str) -> None:
    known = _KEYS[where.partition("[")[0]]
    if unknown := sorted(table.keys() - known):
        place = f"{where}: " if where else ""
        raise ValueError(f"{place}{unknown[0]!r} is not known; {', '.join(sorted(known))} are")


def _rows(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = table.get(key, [])
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise ValueError(f"{key}: it is not a list of tables; each begins with [[{key}]]")
    return rows


def _table(table: dict[str, Any], key: str, *, any_key: bool = False) -> dict[str, Any]:
    row = table.get(key, {})
    if not isinstance(row, dict):
        raise ValueError(f"{key}: it is not a table")
    if not any_key:
        _check_keys(row, key)
    return row


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"{where}: it is not a line of text")
    return value


def _optional_text(table: dict[str, Any], key: str) -> str | None:
    value = table.get(key)
    return None if value is None else _text(value, key)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where}: it is not a list")
    return tuple(_text(item, where) for item in value)


def _paths(value: Any, where: str) -> tuple[str, ...]:
    paths = _texts(value, where)
    if any(not path.startswith("/") for path in paths):
        raise ValueError(f"{where}: a path does not begin with /")
    return paths


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{where}: it is neither true nor false")
    return value


def _name(value: Any, where: str) -> str:
    text = _text(value, where)
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", text):
        raise ValueError(f"{where}: {text!r} is not a name as PEP 503 normalises it")
    return text


def _pattern(value: Any, where: str) -> re.Pattern[str]:
    try:
        return re.compile(_text(value, where).replace("{public}", _PUBLIC))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{where}: it is not a regular expression: {error}") from error
