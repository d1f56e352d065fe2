"""The second stage: what an install would do, resolved by uv from metadata, against the environment as it is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from envtool.errors import ResolutionError
from envtool.requirements.chain import Parents, parents_from
from envtool.requirements.entry import Entry, InstallOptions, RequirementSet, Role
from envtool.requirements.stub_wheels import stub_wheels
from envtool.requirements.target import Target
from envtool.requirements.uv_command import TIME_LIMIT, UvOutput, neutral_variables, run_uv

_CONSTRAINTS = frozenset({"UV_CONSTRAINT", "UV_BUILD_CONSTRAINT"})


_COMING = frozenset({"installed", "reinstalled"})
# What uv's plan has for the version of what comes from an address or a path.
UNTOLD = "from an address"


class Installer(Enum):
    """Whose behaviour is predicted."""

    PIP = "pip"
    UV = "uv"


@dataclass(frozen=True)
class Change:
    """A distribution before and after an install; `None` where it is not there."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.name} {self.before or '(none)'} → {self.after or '(uninstalled)'}"


@dataclass(frozen=True)
class Resolution:
    """What would change, or, where nothing meets the requirements, the proof of that."""

    changes: tuple[Change, ...] = ()
    unsolvable: str | None = None

    def change_of(self, name: str) -> Change | None:
        """The change of one distribution, or `None` where it stays."""
        return next((change for change in self.changes if change.name == name), None)

    def after(self, target: Target) -> dict[str, str]:
        """Every distribution's version afterwards."""
        state = {name: item.version for name, item in target.installed.items()}
        for change in self.changes:
            if change.after is None:
                state.pop(change.name, None)
            else:
                state[change.name] = change.after
        return state


@dataclass(frozen=True)
class Resolver:
    """Resolves sets against one target, for one installer.

    `variables` are the process's; `options` and `constraints` what that installer is configured with, the pins left
    out; `passed` are further words for uv; `time_limit` is in seconds.
    """

    target: Target
    installer: Installer
    variables: Mapping[str, str]
    options: InstallOptions = field(default_factory=InstallOptions)
    constraints: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    time_limit: float = TIME_LIMIT

    def resolve(
        self, wanted: RequirementSet, *, entries: Sequence[Entry] | None = None, constraints: Sequence[str] = ()
    ) -> Resolution:
        """What installing the set would change; `entries` in the place of its own, under further constraints.

        Raises `SourceError` and `ResolutionError`.
        """
        asked = wanted.requirements if entries is None else entries
        options = wanted.options.over(self.options)
        with self._files(wanted, asked, constraints) as (requirements, bounds):
            command = ["pip", "install", "--dry-run", "--output-format", "json", "-r", requirements, "-c", bounds]
            said = self._run([*command, *option_words(options, self.installer, asked), *self.passed])
        if said.unsolvable is not None:
            return Resolution(unsolvable=said.unsolvable)
        return Resolution(_changes(said.out))

    def stage(self, wanted: RequirementSet, lines: Sequence[str], folder: Path) -> None:
        """Install exactly the distributions of some lines below `folder`, as if that were the target's prefix.

        Raises `SourceError`, and `ResolutionError` where a distribution cannot be fetched or built.
        """
        options = replace(wanted.options.over(self.options), upgrade=False, upgrade_names=(), reinstall=False)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            words = ["pip", "install", "--prefix", str(folder), "--no-deps", "-r", file.name]
            said = self._run([*words, *option_words(replace(options, no_deps=False), self.installer), *self.passed])
        if said.unsolvable is not None:
            raise ResolutionError("what was resolved a moment ago is gone from the index", why=said.unsolvable)

    def parents(self, wanted: RequirementSet, resolution: Resolution) -> Parents:
        """Who requires whom among what would be installed. Raises `SourceError` and `ResolutionError`."""
        state = resolution.after(self.target)
        changed = {change.name: change.after for change in resolution.changes if change.after is not None}
        # What stays may contradict the new torch, which installers shrug at and a resolution from nothing does not.
        found = self._annotated(wanted, state)
        return found or self._annotated(wanted, changed)

    def _annotated(self, wanted: RequirementSet, state: Mapping[str, str]) -> Parents:
        exact = [f"{name}=={version}" for name, version in state.items() if version != UNTOLD]
        # The versions are settled; what is left are the places to look for them.
        options = replace(
            wanted.options.over(self.options), upgrade=False, upgrade_names=(), reinstall=False, require_hashes=False
        )
        bare = [replace(entry, hashes=()) for entry in wanted.requirements]
        with self._files(wanted, bare, exact) as (requirements, bounds), stub_wheels(self.target) as stubs:
            shape = ["--no-header", "--annotation-style", "split", "--no-strip-extras", "--find-links", stubs]
            words = ["pip", "compile", requirements, "-c", bounds, *shape]
            said = self._run([*words, *option_words(options, self.installer)])
        return parents_from(said.out)

    @contextmanager
    def _files(
        self, wanted: RequirementSet, asked: Sequence[Entry], constraints: Sequence[str]
    ) -> Iterator[tuple[str, str]]:
        """The requirements and the constraints as files, which last as long as the context."""
        stated = [replace(entry, hashes=()).line() for entry in wanted.of_role(Role.CONSTRAINT)]
        bounds = [*stated, *self.constraints, *constraints]
        with tempfile.TemporaryDirectory(prefix="hac-resolve-") as folder:
            files = (Path(folder) / "requirements.in", Path(folder) / "constraints.in")
            for file, lines in zip(files, ([entry.line() for entry in asked], bounds), strict=True):
                file.write_text("".join(f"{line}\n" for line in lines))
            yield str(files[0]), str(files[1])

    def _run(self, words: Sequence[str]) -> UvOutput:
        target = self.target
        if target.interpreter is not None:
            where = ["--python", str(target.interpreter)]
        elif words[1] == "compile":
            where = ["--python-version", target.python]
        else:
            where = ["--python-version", target.python, "--target", str(target.folder)]
        if self.installer is Installer.PIP:
            variables = neutral_variables(self.variables) | {"UV_NO_CONFIG": "1"}
        else:
            # The pins are given or left out on purpose, case by case.
            variables = {key: value for key, value in self.variables.items() if key not in _CONSTRAINTS}
        return run_uv([*words, *where], variables, time_limit=self.time_limit)


def option_words(options: InstallOptions, installer: Installer, asked: Sequence[Entry] = ()) -> list[str]:
    """Options of pip and of requirements files as uv spells them."""
    words: list[str] = []
    words += ["--default-index", options.index_url] if options.index_url else []
    words += [word for url in options.extra_index_urls for word in ("--index", url)]
    words += [word for link in options.find_links for word in ("--find-links", link)]
    words += [word for host in options.trusted_hosts for word in ("--allow-insecure-host", host)]
    words += [word for name in options.no_binary for word in ("--no-binary", name)]
    words += [word for name in options.only_binary for word in ("--only-binary", name)]
    words += [word for name in options.upgrade_names for word in ("--upgrade-package", name)]
    words += ["--cert", options.certificates] if options.certificates else []
    flags = {
        "--no-index": options.no_index,
        "--no-deps": options.no_deps,
        "--require-hashes": options.require_hashes,
        "--reinstall": options.reinstall,
    }
    words += [flag for flag, is_set in flags.items() if is_set]
    words += ["--prerelease", "allow"] if options.pre else []
    return words + _upgrade_words(options, installer, asked) + _index_words(installer)


def _upgrade_words(options: InstallOptions, installer: Installer, asked: Sequence[Entry]) -> list[str]:
    """pip upgrades what is named, and what that requires only where it must; uv upgrades everything."""
    if not options.upgrade:
        return []
    if options.eager or installer is Installer.UV:
        return ["--upgrade"]
    return [word for entry in asked if entry.name for word in ("--upgrade-package", entry.name)]


def _index_words(installer: Installer) -> list[str]:
    """pip takes the best of all indexes, uv what the first that knows a name has."""
    return ["--index-strategy", "unsafe-best-match"] if installer is Installer.PIP else []


def _changes(text: str) -> tuple[Change, ...]:
    """From the JSON of `uv pip install --output-format json` (schema "preview")."""
    try:
        rows = json.loads(text)["changes"]
        before = {row["name"]: row.get("version", UNTOLD) for row in rows if row["action"] == "uninstalled"}
        after = {row["name"]: row.get("version", UNTOLD) for row in rows if row["action"] in _COMING}
    except (ValueError, KeyError, TypeError) as error:
        raise ResolutionError(
            "uv's plan cannot be read", why=f"{type(error).__name__}: {error}", remedy="pip install 'uv>=0.13,<0.14'"
        ) from error
    return tuple(Change(name, before.get(name), after.get(name)) for name in sorted({*before, *after}))
