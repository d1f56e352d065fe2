"""The arguments of `pip install` and `uv pip install` (pip documentation, "pip install"; uv documentation, "CLI")."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from envtool.errors import RequirementsError, SourceError
from envtool.language import tell
from envtool.requirements.model import (
    USER_SITE,
    DeclaredRequirement,
    InstallOptions,
    RequirementSet,
    Role,
    Section,
    SourceLocation,
)
from envtool.requirements.readers.common import describe_missing
from envtool.requirements.readers.pylock import read_pylock
from envtool.requirements.readers.pyproject import read_pyproject
from envtool.requirements.readers.requirements_txt import NestedEntries, parse_argument, read_named, split_names
from envtool.requirements.readers.source_files import SourceFiles
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_LISTS = {
    ("-r", "--requirement", "--requirements"): "requirement",
    ("-c", "--constraint", "--constraints"): "constraint",
    ("--overrides", "--override"): "override",
    ("-e", "--editable"): "editable",
    ("--extra-index-url", "--index"): "extra_index_url",
    ("-f", "--find-links"): "find_links",
    ("--no-binary",): "no_binary",
    ("--only-binary",): "only_binary",
    ("--trusted-host", "--allow-insecure-host"): "trusted_host",
    # What is installed again is taken from the index, as what is upgraded.
    ("-P", "--upgrade-package", "--reinstall-package"): "upgrade_package",
    ("--extra",): "extra",
    ("--group",): "group",
}
_VALUES = {
    ("-i", "--index-url", "--pypi-url", "--default-index"): "index_url",
    ("--upgrade-strategy",): "upgrade_strategy",
    ("-t", "--target"): "target",
    ("--prefix",): "prefix",
    ("--root",): "root",
    ("--cert",): "cert",
    ("--prerelease",): "prerelease",
}
# What bears on which versions are chosen, in uv's words.
_CHOICE = {
    ("--exclude-newer", "--uploaded-prior-to"): "--exclude-newer",
    ("--exclude-newer-package",): "--exclude-newer-package",
    ("--index-strategy",): "--index-strategy",
    ("--torch-backend",): "--torch-backend",
    ("--resolution",): "--resolution",
}
_FLAGS = {
    ("-U", "--upgrade"): "upgrade",
    ("--force-reinstall", "-I", "--ignore-installed", "--reinstall"): "reinstall",
    ("--no-deps", "--no-dependencies"): "no_deps",
    ("--pre",): "pre",
    ("--no-index",): "no_index",
    ("--require-hashes",): "require_hashes",
    ("--user",): "user",
    ("--all-extras",): "all_extras",
}
# What an install hands on to uv, in uv's words: options with a value, and flags.
_PASSED_VALUES = {
    ("-C", "--config-settings", "--config-setting"): "--config-setting",
    ("--keyring-provider",): "--keyring-provider",
    ("--cache-dir",): "--cache-dir",
    ("--build-constraint", "--build-constraints"): "--build-constraints",
    ("--link-mode",): "--link-mode",
}
_PASSED_FLAGS = {
    ("--no-build-isolation",): "--no-build-isolation",
    ("--no-cache-dir", "--no-cache", "-n"): "--no-cache",
    ("--compile", "--compile-bytecode"): "--compile-bytecode",
    ("--no-build",): "--no-build",
    ("--no-sources",): "--no-sources",
    ("--offline",): "--offline",
    ("--system-certs", "--native-tls"): "--system-certs",
}
_PASSED_VARIABLES = {
    ("--proxy",): "ALL_PROXY",
    ("--timeout", "--default-timeout"): "UV_HTTP_TIMEOUT",
    ("--retries",): "UV_HTTP_RETRIES",
}
# Told apart from arguments, and without a bearing on which versions are chosen.
_OTHER_VALUES = """
    --platform --python-version --implementation --abi --src --global-option --progress-bar --root-user-action --report
    --python --log --exists-action --client-cert --use-feature --use-deprecated -p
"""
_OTHER_FLAGS = """
    --dry-run --ignore-requires-python --use-pep517 --no-use-pep517 --check-build-dependencies --break-system-packages
    --no-compile --no-warn-script-location --no-warn-conflicts --prefer-binary --no-clean --debug --isolated
    --require-virtualenv --no-input --disable-pip-version-check --no-color --no-python-version-warning --system
    --strict --no-progress
"""


_ON_DISK = SourceFiles()
# A lock by its name (PEP 751), and the extras that pip takes after it (pip documentation, "pip install").
_PYLOCK = re.compile(r"((?:.*/)?pylock(?:\.[^./]+)?\.toml)(?:\[([^\]]*)\])?")


@dataclass(frozen=True, kw_only=True)
class NamedLock:
    """A pylock.toml that an install command names, with the extras and the groups that it takes of it."""

    path: Path
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InstallCommand:
    """What an install command asks for.

    `unknown` are the words that neither pip nor uv is known to take, `unresolved` what else cannot be read; `passed`
    those that say how to build and fetch, as uv spells them, and `variables` those that uv takes from its environment.
    `locks` are the files among what it names that are locks.
    """

    entries: tuple[DeclaredRequirement, ...]
    options: InstallOptions
    unknown: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    locks: tuple[NamedLock, ...] = ()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise RequirementsError(tell("the arguments of the install command cannot be read: {message}", message=message))


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for words, name in _LISTS.items():
        parser.add_argument(*words, dest=name, action="append", default=[])
    for words, name in _VALUES.items():
        parser.add_argument(*words, dest=name)
    for words, name in _FLAGS.items():
        parser.add_argument(*words, dest=name, action="store_true")
    for words, name in (*_CHOICE.items(), *_PASSED_VALUES.items(), *_PASSED_VARIABLES.items()):
        parser.add_argument(*words, dest=name, action="append", default=[])
    for words, name in _PASSED_FLAGS.items():
        parser.add_argument(*words, dest=name, action="store_true")
    for word in _OTHER_VALUES.split():
        parser.add_argument(word, dest="_", action="append")
    for word in _OTHER_FLAGS.split():
        parser.add_argument(word, dest="_flag", action="store_true")
    parser.add_argument("-q", "--quiet", dest="_level", action="count")
    parser.add_argument("-v", "--verbose", dest="_level", action="count")
    parser.add_argument("packages", nargs="*")
    return parser


def read_command(
    words: Sequence[str], place: SourceLocation, files: SourceFiles = _ON_DISK, folder: Path | None = None
) -> InstallCommand:
    """What `pip install WORDS` asks for, with the entries of the files it names.

    `folder` is the one that paths start from, the file's own by default. Raises `RequirementsError` for arguments and
    files that cannot be read, and `SourceError` for what cannot be fetched; not where `files` are read leniently.
    """
    try:
        known, unknown = _make_parser().parse_known_intermixed_args(_join_values(words))
    except (argparse.ArgumentError, TypeError) as error:
        raise RequirementsError(
            tell("{place}: the arguments of the install command cannot be read", place=place), why=str(error)
        ) from error
    found = NestedEntries()
    for read in _list_readings(known, place, files, folder):
        try:
            inner = read()
        except (RequirementsError, SourceError) as error:
            if not files.is_lenient:
                raise
            inner = NestedEntries(failures=(error,))
        found = found.followed_by(inner)
    return InstallCommand(
        entries=found.entries,
        options=_make_options(known).merge_over(found.options),
        unknown=tuple(unknown),
        unresolved=found.unresolved,
        passed=tuple(_list_passed(known)),
        variables=tuple(_list_variables(known)),
        locks=tuple(_list_locks(known, place)),
    )


def _join_values(words: Sequence[str]) -> list[str]:
    """The words with each option and its value as one, where the value looks like an option."""
    valued = {
        option
        for table in (_LISTS, _VALUES, _CHOICE, _PASSED_VALUES, _PASSED_VARIABLES)
        for options in table
        for option in options
    }
    valued |= set(_OTHER_VALUES.split())
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in valued and word.startswith("-"):
            joined[-1] += f"={word}" if joined[-1].startswith("--") else word
        else:
            joined.append(word)
    return joined


def _list_readings(
    known: argparse.Namespace, place: SourceLocation, files: SourceFiles, folder: Path | None
) -> Iterator[Callable[[], NestedEntries]]:
    """What is to be read for each argument, so that one which cannot be read is told beside the others."""

    def parse(text: str, editable: bool) -> NestedEntries:
        return NestedEntries((parse_argument(text, place, editable=editable, folder=folder),))

    yield from (partial(parse, text, False) for text in known.packages)
    yield from (partial(parse, text, True) for text in known.editable)
    for names, role in (
        (known.requirement, Role.REQUIREMENT),
        (known.constraint, Role.CONSTRAINT),
        (known.override, Role.OVERRIDE),
    ):
        extras = None if known.all_extras else tuple(known.extra)
        yield from (partial(_read_file, name, place, files, role, extras) for name in names)
    yield from (partial(_read_group, text, place, files) for text in known.group)


def _list_passed(known: argparse.Namespace) -> Iterator[str]:
    for name in _PASSED_VALUES.values():
        for value in getattr(known, name):
            yield from (name, value)
    yield from (name for name in _PASSED_FLAGS.values() if getattr(known, name))


def _list_variables(known: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for name in _PASSED_VARIABLES.values():
        yield from ((name, value) for value in getattr(known, name)[-1:])


def _read_file(
    name: str, place: SourceLocation, files: SourceFiles, role: Role, extras: tuple[str, ...] | None
) -> NestedEntries:
    """What a file says; of a pyproject.toml, which uv takes with -r as well, with `extras`: all where that is None."""
    last = name.rsplit("/", 1)[-1]
    if (lock := _PYLOCK.fullmatch(name)) is not None:
        return _read_pylock(files.locate(place, lock[1]), _split_extras(lock[2]), Section.EXTRA)
    if last != "pyproject.toml":
        return read_named(name, place, files, role=role)
    path = files.locate(place, name)
    sets = read_pyproject(path).sets
    wanted = [normalize_name(extra) for extra in extras or ()]
    everything = [item.name for item in sets if item.section is Section.EXTRA]
    named = _select_named(path, sets, Section.EXTRA, everything if extras is None else wanted)
    return _join([*(item for item in sets if item.section in {Section.MAIN, Section.TABLE}), *named])


def _split_extras(text: str | None) -> list[str]:
    return [extra.strip() for extra in (text or "").split(",") if extra.strip()]


def _list_locks(known: argparse.Namespace, place: SourceLocation) -> Iterator[NamedLock]:
    for name in known.requirement:
        if (lock := _PYLOCK.fullmatch(name)) is not None:
            yield NamedLock(path=place.path.parent / lock[1], extras=tuple(_split_extras(lock[2])))
    for text in known.group:
        name, _colon, group = text.rpartition(":")
        if _PYLOCK.fullmatch(name):
            yield NamedLock(path=place.path.parent / name, groups=(group,))


def _read_pylock(path: Path, names: Sequence[str], section: Section) -> NestedEntries:
    """What a lock has for some of its extras or groups, beside what it always has."""
    sets = read_pylock(path).sets
    found = _select_named(path, sets, section, names)
    return _join([*(sets[:1] if section is Section.EXTRA else ()), *found])


def _select_named(
    path: Path, sets: Sequence[RequirementSet], section: Section, names: Sequence[str]
) -> list[RequirementSet]:
    """The sets of some extras or groups. Raises `RequirementsError` where a file lacks one of them."""
    there = [item for item in sets if item.section is section]
    wanted = {normalize_name(name) for name in names}
    known = {normalize_name(item.name) for item in there}
    if wanted - known:
        raise RequirementsError(describe_missing(path, section, wanted - known, known))
    return [item for item in there if normalize_name(item.name) in wanted]


def _read_group(text: str, place: SourceLocation, files: SourceFiles) -> NestedEntries:
    """`--group [PATH:]NAME`, a dependency group of a pyproject.toml (pip documentation, "pip install")."""
    name, _colon, group = text.rpartition(":")
    path = files.locate(place, name or "pyproject.toml")
    if _PYLOCK.fullmatch(name):
        return _read_pylock(path, [group], Section.GROUP)
    return _join(_select_named(path, read_pyproject(path).sets, Section.GROUP, [group]))


def _join(sets: Sequence[RequirementSet]) -> NestedEntries:
    found = NestedEntries()
    for item in map(RequirementSet.as_uv_reads_it, sets):
        failures = tuple(RequirementsError(text) for text in item.unresolved)
        found = found.followed_by(NestedEntries(item.entries, item.options, failures))
    return replace(found, entries=tuple(dict.fromkeys(found.entries)))


def _make_options(known: Any) -> InstallOptions:
    elsewhere = next(
        (f"--{name} {value}" for name in ("target", "prefix", "root") if (value := getattr(known, name))), None
    )
    return InstallOptions(
        index_url=known.index_url,
        extra_index_urls=tuple(known.extra_index_url),
        find_links=tuple(known.find_links),
        no_index=known.no_index,
        pre=known.pre or known.prerelease == "allow",
        upgrade=known.upgrade,
        eager=known.upgrade and known.upgrade_strategy == "eager",
        upgrade_names=tuple(normalize_name(name) for name in known.upgrade_package),
        reinstall=known.reinstall,
        other_destination=USER_SITE if known.user else elsewhere,
        no_deps=known.no_deps,
        require_hashes=known.require_hashes,
        no_binary=split_names(known.no_binary),
        only_binary=split_names(known.only_binary),
        trusted_hosts=tuple(known.trusted_host),
        certificates=known.cert,
        choice=tuple(f"{name}={value}" for name in _CHOICE.values() for value in getattr(known, name)),
    )
