"""Reads profiles: what is known of a vendor, as TOML. The form is published as `docs/profile.schema.json`.

A pattern matches a whole version as PEP 440 normalises it. `{public}` in it stands for the public part.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Set
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from envtool.documents import parse_toml
from envtool.errors import SettingsError
from envtool.language import mark_message, tell
from envtool.link_rights import may_name_file
from envtool.project_settings import find_author
from envtool.regular_file import read_regular_file
from envtool.release.profile import (
    TORCH,
    CureWords,
    DriverProgram,
    IntruderRule,
    PinnedName,
    Profile,
    PublishedBuild,
    ServiceFacts,
    ServiceWords,
    SignNeed,
    VendorSigns,
    VersionRule,
)
from envtool.release.profile_values import (
    check_keys,
    check_patterns,
    take_name,
    take_optional_text,
    take_paths,
    take_pattern,
    take_rows,
    take_table,
    take_text,
    take_texts,
    take_truth,
)

SCHEMA = 1
# The profile that is meant where none is named and none is found.
DEFAULT = "hac"
PROFILES = Path(__file__).parent / "profiles"
# Of files that were named; those that come with envtool and the user's own are known by their ids before these.
_from_files: dict[str, Profile] = {}
_ID = re.compile(r"[a-z][a-z0-9-]*")
_KEYS = {
    "": {
        *("schema", "id", "title", "label", "detected", "version", "pinned", "cure", "signs", "records", "wheels"),
        *("published", "stand-ins", "intruders", "unusable", "driver", "indexes", "service"),
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
        # Those that come with envtool are read once, however often they are asked for.
        profile = load_profile(path.stem) if path.parent == PROFILES else read_profile(path)
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


def load_service() -> ServiceFacts:
    """What the default profile says of its service."""
    service = load_default_profile().service
    assert service is not None, "the default profile has a service"
    return service


def get_profiles_folder() -> Path:
    """The folder for a user's own profiles, which need not exist."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(base) / "hac-envtool" / "profiles"


def read_profile(path: Path) -> Profile:
    """The profile in a file, without its commands where somebody else wrote it. Raises `SettingsError`."""
    try:
        data = read_regular_file(path)
    except OSError as error:
        raise SettingsError(
            tell("the profile {path} cannot be read", path=path),
            why=str(error.strerror or error),
            remedy=f"ls -l {path}",
        ) from error
    profile = parse_profile(data, path)
    is_ours = path.parent == PROFILES or find_author(path) is None
    return profile if is_ours else replace(profile, cure=CureWords(lost=profile.cure.lost, restore="envtool restore"))


def parse_profile(data: bytes, path: Path) -> Profile:
    """The profile in a file's content; `path` is where it is. Raises `SettingsError`."""
    try:
        profile = _build_profile(parse_toml(data.decode()))
        if path.parent == PROFILES:
            return profile
        _check_parser(profile)
        check_patterns(profile)
        return _bound_patterns(profile, path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = tell("{key} is missing", key=error.args[0]) if isinstance(error, KeyError) else str(error)
        raise SettingsError(
            tell("{path} is not a profile", path=path),
            why=why,
            remedy=tell("${{EDITOR:-vi}} {path}   (docs/profile.schema.json)", path=path),
        ) from error


def _check_parser(profile: Profile) -> None:
    """Whether envtool has the parser of the driver's tables; it has the default profile's."""
    known = load_default_profile().driver.parser
    if profile.driver.parser not in {None, known}:
        raise ValueError(
            tell(
                "driver.parser: envtool has no parser {parser!r}; it has {known}",
                parser=profile.driver.parser,
                known=known,
            )
        )


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
        raise ValueError(tell("schema: {found!r} is not known; {known} is", found=table["schema"], known=SCHEMA))
    identity = take_text(table["id"], "id")
    if not _ID.fullmatch(identity):
        raise ValueError(tell("id: {identity!r} is not lower-case letters, digits and hyphens", identity=identity))
    pinned = tuple(_build_pinned(row, f"pinned[{number}]") for number, row in enumerate(take_rows(table, "pinned")))
    if not any(item.name == TORCH for item in pinned):
        raise ValueError(tell("pinned: none is called {name}", name=TORCH))
    versions = tuple(_build_rule(row, f"version[{number}]") for number, row in enumerate(take_rows(table, "version")))
    if not versions:
        raise ValueError(tell("version: there must be one at least"))
    unusable = table.get("unusable")
    return Profile(
        id=identity,
        title=mark_message(take_text(table["title"], "title")),
        versions=versions,
        pinned=pinned,
        cure=_build_cure(table["cure"]),
        label=take_optional_text(table, "label"),
        detected=take_truth(table.get("detected", True), "detected"),
        signs=_build_signs(_take_known(table, "signs")),
        records=take_texts(table.get("records", []), "records"),
        wheels=take_paths(table.get("wheels", []), "wheels"),
        published=tuple(
            _build_published(row, f"published[{number}]") for number, row in enumerate(take_rows(table, "published"))
        ),
        stand_ins={
            name: take_texts(value, f"stand-ins.{name}") for name, value in take_table(table, "stand-ins").items()
        },
        intruders=_build_intruders(_take_known(table, "intruders")),
        unusable=None if unusable is None else take_pattern(unusable, "unusable"),
        driver=_build_driver(_take_known(table, "driver")),
        indexes=take_texts(table.get("indexes", []), "indexes"),
        service=_build_service(table["service"]) if "service" in table else None,
    )


def _build_rule(row: dict[str, Any], where: str) -> VersionRule:
    _check_keys(row, where)
    pattern = take_pattern(row["pattern"], f"{where}.pattern")
    sign = row.get("sign", "none")
    if sign not in {item.value for item in SignNeed}:
        known = ", ".join(item.value for item in SignNeed)
        raise ValueError(tell("{where}.sign: {sign!r} is none of {known}", where=where, sign=sign, known=known))
    distribution = take_name(row.get("distribution", TORCH), f"{where}.distribution")
    return VersionRule(distribution, pattern, SignNeed(sign), take_optional_text(row, "platform"))


def _build_pinned(row: dict[str, Any], where: str) -> PinnedName:
    _check_keys(row, where)
    version = row.get("version")
    return PinnedName(
        take_name(row["name"], f"{where}.name"), None if version is None else take_pattern(version, f"{where}.version")
    )


def _build_published(row: dict[str, Any], where: str) -> PublishedBuild:
    _check_keys(row, where)
    python = row.get("python")
    numbers = None
    if python is not None:
        if not re.fullmatch(r"3\.[0-9]{1,3}", take_text(python, f"{where}.python")):
            raise ValueError(tell("{key}: {found!r} is not of the form 3.N", key=f"{where}.python", found=python))
        numbers = (3, int(python.partition(".")[2]))
    companions = row.get("companions", {})
    if not isinstance(companions, dict):
        raise ValueError(tell("{key}: it is not a table", key=f"{where}.companions"))
    return PublishedBuild(
        torch=take_text(row["torch"], f"{where}.torch"),
        build=take_optional_text(row, "build"),
        python=numbers,
        companions={name: take_text(value, f"{where}.companions.{name}") for name, value in companions.items()},
    )


def _build_cure(row: Any) -> CureWords:
    if not isinstance(row, dict):
        raise ValueError(tell("{key}: it is not a table", key="cure"))
    _check_keys(row, "cure")
    release = take_text(row.get("release", CureWords.release), "cure.release")
    if "{release}" not in release or re.search(r"[{}]", release.replace("{release}", "")):
        raise ValueError(tell("cure.release: {{release}}, and nothing else in braces, stands in it for the release"))
    return CureWords(
        lost=mark_message(take_text(row["lost"], "cure.lost")),
        restore=mark_message(take_text(row["restore"], "cure.restore")),
        release=release,
    )


def _build_signs(row: dict[str, Any]) -> VendorSigns:
    values = {key: take_texts(row.get(key, []), f"signs.{key}") for key in ("files", "variables", "distributions")}
    take_paths(list(values["files"]), "signs.files")
    return VendorSigns(**values)


def _build_intruders(row: dict[str, Any]) -> IntruderRule:
    names, prefixes = (take_texts(row.get(key, []), f"intruders.{key}") for key in ("names", "prefixes"))
    if "" in prefixes:
        raise ValueError(tell("intruders.prefixes: an empty one would match everything"))
    return IntruderRule(frozenset(names), prefixes)


def _build_driver(row: dict[str, Any]) -> DriverProgram:
    return DriverProgram(
        programs=take_texts(row.get("programs", []), "driver.programs"),
        parser=take_optional_text(row, "parser"),
        folder=take_optional_text(row, "folder"),
        distribution=take_optional_text(row, "distribution"),
    )


def _build_service(row: Any) -> ServiceFacts:
    if not isinstance(row, dict):
        raise ValueError(tell("{key}: it is not a table", key="service"))
    lists, tables = {"programs", "image-words"}, {"labels", "words"}
    texts = {item.name.replace("_", "-") for item in fields(ServiceFacts)} - lists - tables
    _require_keys(row, texts | lists | tables, "service")
    labels, said = (take_table(row, key, "service.") for key in ("labels", "words"))
    words = {item.name.replace("_", "-") for item in fields(ServiceWords)}
    _require_keys(said, words, "service.words")
    values: dict[str, Any] = {key: take_text(row[key], f"service.{key}") for key in texts}
    values |= {key: take_texts(row[key], f"service.{key}") for key in lists}
    return ServiceFacts(
        **{key.replace("-", "_"): value for key, value in values.items()},
        labels={torch: take_text(label, f"service.labels.{torch}") for torch, label in labels.items()},
        words=ServiceWords(
            **{key.replace("-", "_"): mark_message(take_text(said[key], f"service.words.{key}")) for key in words}
        ),
    )


def _require_keys(row: dict[str, Any], keys: Set[str], where: str) -> None:
    check_keys(row, keys, where)
    if missing := sorted(keys - row.keys()):
        raise ValueError(tell("{where}: {key!r} is missing", where=where, key=missing[0]))


def _take_known(table: dict[str, Any], key: str) -> dict[str, Any]:
    row = take_table(table, key)
    _check_keys(row, key)
    return row


def _check_keys(table: dict[str, Any], where: str) -> None:
    check_keys(table, _KEYS[where.partition("[")[0]], where)
