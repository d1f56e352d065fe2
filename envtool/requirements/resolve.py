"""The second stage: what an install would do, resolved by uv from metadata, against the environment as it is."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.shim import find_pyenv_interpreters
from envtool.errors import ResolutionError
from envtool.language import tell
from envtool.requirements.build_links import build_links
from envtool.requirements.build_stubs import BUILD_SETTINGS, build_stubs, list_build_limits
from envtool.requirements.chain import Parents, parse_parents
from envtool.requirements.model import DeclaredRequirement, InstallOptions, RequirementSet, Role
from envtool.requirements.resolution import UNKNOWN_VERSION, Resolution, read_plan
from envtool.requirements.stub_wheels import stub_wheels
from envtool.requirements.uv_command import (
    TIME_LIMIT,
    MissingBuildTorchError,
    UvOutput,
    is_harmless,
    make_neutral_variables,
    run_uv,
)
from envtool.requirements.uv_options import (
    Installer,
    format_index_configuration,
    format_indexes,
    format_options,
    format_strategy,
)
from envtool.temporary_folder import temporary_file, temporary_folder
from envtool.transaction.owner import lend

if TYPE_CHECKING:
    from envtool.requirements.target import Target

_NOT_FOUND = "was not found in the package registry"
_NO_BUILD = "building from source is disabled"
_CONSTRAINTS = frozenset({"UV_CONSTRAINT", "UV_BUILD_CONSTRAINT"})


@dataclass(frozen=True)
class _Files:
    """Paths of what uv is given; `overrides` is empty where there are none."""

    lines: str
    constraints: str
    excludes: str
    overrides: str


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Resolves sets against one target, for one installer.

    `variables` are the process's; `options` and `constraints` what that installer is configured with, the pins left
    out; `passed` are further words for uv; `time_limit` is in seconds for one run of uv, and all of them end at
    `deadline`, by the monotonic clock. `no_build` has nothing built without a wheel, and says why.
    """

    target: Target
    installer: Installer
    variables: Mapping[str, str]
    options: InstallOptions = field(default_factory=InstallOptions)
    constraints: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    time_limit: float = TIME_LIMIT
    deadline: float | None = None
    no_build: str = ""

    @property
    def seconds_left(self) -> float:
        """How long the next step may take: 0 where there is no time left."""
        return min(self.time_limit, self.seconds_left_of_all)

    @property
    def seconds_left_of_all(self) -> float:
        """How long all further steps may take together: without end where nobody set one."""
        return max(0.0, self.deadline - time.monotonic()) if self.deadline is not None else math.inf

    def resolve(
        self,
        wanted: RequirementSet,
        *,
        entries: Sequence[DeclaredRequirement] | None = None,
        constraints: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> Resolution:
        """What installing the set would change.

        `entries` are taken in the place of its own, under further `constraints`, as if nothing required the
        distributions `without`. Raises `SourceError` and `ResolutionError`.
        """
        requested = wanted.requirements if entries is None else entries
        options = wanted.options.merge_over(self.options)
        with self._files(wanted, requested, constraints, without) as files, self._offered() as offered:
            words = ["-c", files.constraints]
            words += ["--excludes", files.excludes] if without else []
            words += ["--overrides", files.overrides] if files.overrides else []
            words += [*offered, *self.passed]
            if self._is_of_another_python():
                self._build_beforehand(["pip", "compile", "--quiet", files.lines, *words], options)
            command = ["pip", "install", "--dry-run", "--output-format", "json", "-r", files.lines, *words]
            said = self._describe(command, options, requested)
        if said.unsolvable is not None:
            return Resolution(unsolvable=said.unsolvable, imports_torch=said.imports_torch)
        return Resolution(read_plan(said.out), imports_torch=said.imports_torch)

    def _is_of_another_python(self) -> bool:
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return self.target.interpreter is None and not f"{self.target.python}.".startswith(f"{here}.")

    def _build_beforehand(self, words: Sequence[str], options: InstallOptions) -> None:
        """Have uv's cache hold what builds tell.

        For a Python that is not there `uv pip install` takes its wheels for those of the builds as well, and compiles
        numpy, say, for a build that needs it; `uv pip compile` keeps the two apart.
        """
        with suppress(ResolutionError):
            self._describe(words, replace(options, upgrade=False, reinstall=False, require_hashes=False))

    def stage(
        self,
        wanted: RequirementSet,
        lines: Sequence[str],
        folder: Path,
        *,
        show_progress: bool = False,
        imports_torch: bool = False,
    ) -> None:
        """Install exactly the distributions of some lines below `folder`, as if that were the target's prefix.

        What has to be built is built with the target's own torch, where it wants one.
        `show_progress` leaves uv's progress to the terminal. Raises `SourceError`, and
        `ResolutionError` where a distribution cannot be fetched or built.
        """
        options = replace(self._keep_versions(wanted), no_deps=True)
        text = "".join(f"{line}\n" for line in lines)
        with temporary_file(text, "lines.txt") as file, build_links(self.target) as links:
            lend(self.target.owner, file.parent)
            words = ["pip", "install", "--prefix", str(folder), "-r", str(file), *self.passed]
            words += ["--build-constraints", str(links.constraints)]
            variables = {**self.variables, "PYTHONPATH": str(links.folder)} if imports_torch else self.variables
            said = replace(self, variables=variables)._run(words, options, show_progress=show_progress)
        if said.unsolvable is not None:
            raise ResolutionError(tell("what was resolved a moment ago is gone from the index"), why=said.unsolvable)

    def make_build_environment(self, folder: Path) -> None:
        """A virtual environment of the target's Python, or of this one where that is not on this machine."""
        here = self.target.interpreter
        names = (
            [str(here)]
            if here is not None
            else [self.target.python, *find_pyenv_interpreters(self.target.python, self.variables), sys.executable]
        )
        for name in names:
            try:
                words = ["venv", "--quiet", "--no-project", "--no-config", "--python", name, str(folder)]
                run_uv(words, make_neutral_variables(self.variables), owner=self.target.owner)
                return
            except ResolutionError:
                if name == names[-1]:
                    raise

    def install_for_build(self, lines: Sequence[str], environment: Path) -> None:
        """Install what a build needs into an environment of `make_build_environment`.

        Raises `SourceError` and `ResolutionError`.
        """
        options = replace(self.options, upgrade=False, require_hashes=False, reinstall=False, no_deps=False, pre=False)
        # What these limit is in every build's environment of that time.
        limited = [*lines, *list_build_limits(self.target.python)]
        with temporary_file("".join(f"{line}\n" for line in limited), "build-requirements.txt") as file:
            lend(self.target.owner, file.parent)
            words = ["pip", "install", "--quiet", "--python", str(environment / "bin/python"), "-r", str(file)]
            said = self._describe(words, options)
        if said.unsolvable is not None:
            raise ResolutionError(tell("what the build needs cannot be installed"), why=said.unsolvable)

    def parents(self, wanted: RequirementSet, resolution: Resolution) -> Parents:
        """Who requires whom among what would be installed. Raises `SourceError` and `ResolutionError`."""
        state = resolution.versions_after(self.target)
        changed = {change.name: change.after for change in resolution.changes if change.after is not None}
        # What stays may contradict the new torch; installers accept that, but a resolution from nothing fails then.
        return self._find_parents(wanted, state) or self._find_parents(wanted, changed)

    def _find_parents(self, wanted: RequirementSet, state: Mapping[str, str]) -> Parents:
        exact = [f"{name}=={version}" for name, version in state.items() if version != UNKNOWN_VERSION]
        options = replace(self._keep_versions(wanted), require_hashes=False)
        bare = [replace(entry, hashes=()) for entry in wanted.requirements]
        with self._files(wanted, bare, exact) as files, stub_wheels(self.target) as stubs:
            more = ["--overrides", files.overrides] if files.overrides else []
            shape = ["--no-header", "--annotation-style", "split", "--no-strip-extras", "--find-links", stubs]
            said = self._describe(["pip", "compile", files.lines, "-c", files.constraints, *more, *shape], options)
        return parse_parents(said.out)

    def _keep_versions(self, wanted: RequirementSet) -> InstallOptions:
        """The options for an install whose versions are settled already."""
        return replace(wanted.options.merge_over(self.options), upgrade=False, upgrade_names=(), reinstall=False)

    @contextmanager
    def _offered(self) -> Iterator[list[str]]:
        """Words that offer uv the vendor's distributions where the target is not installed.

        No index has them, and to uv a `--target` folder holds no candidate for a requirement that names a version.
        """
        if self.target.interpreter is not None:
            yield []
            return
        with stub_wheels(self.target) as stubs:
            yield ["--find-links", stubs]

    @contextmanager
    def _files(
        self,
        wanted: RequirementSet,
        requested: Sequence[DeclaredRequirement],
        constraints: Sequence[str],
        without: Sequence[str] = (),
    ) -> Iterator[_Files]:
        """The requirements and what goes with them as files, which last as long as the context."""
        stated = [replace(entry, hashes=()).format_line() for entry in wanted.select_role(Role.CONSTRAINT)]
        overrides = [entry.format_line() for entry in wanted.select_role(Role.OVERRIDE) if entry.name not in without]
        # What constrains a distribution asks for it, as far as exclusions are concerned.
        texts = (
            [entry.format_line() for entry in requested if entry.name not in without],
            [*stated, *self.constraints, *constraints],
            without,
            overrides,
        )
        with temporary_folder() as folder:
            files = [folder / name for name in ("requirements.in", "constraints.in", "excludes.in", "overrides.in")]
            for file, lines in zip(files, texts, strict=True):
                file.write_text("".join(f"{line}\n" for line in lines))
            lend(self.target.owner, folder)
            paths = [str(file) for file in files]
            yield _Files(paths[0], paths[1], paths[2], paths[3] if overrides else "")

    def _describe(
        self, words: Sequence[str], options: InstallOptions, requested: Sequence[DeclaredRequirement] = ()
    ) -> UvOutput:
        """Run uv for what it says, with stand-ins for the vendor's distributions in what it builds meanwhile."""
        with build_stubs(self.target.pin, self.target.python, self.target.owner) as stubs:
            words = [*words, "--build-constraints", str(stubs.constraints)]
            words += ["--no-build"] if self.no_build else []
            try:
                return self._refuse_without_build(self._run(words, options, requested))
            except MissingBuildTorchError:
                here = replace(self, variables={**self.variables, **BUILD_SETTINGS, "PYTHONPATH": str(stubs.folder)})
                return replace(here._run(words, options, requested), imports_torch=True)

    def _refuse_without_build(self, said: UvOutput) -> UvOutput:
        """What uv said. Raises `ResolutionError` where there is no solution because nothing is built."""
        if self.no_build and said.unsolvable is not None and _NO_BUILD in said.unsolvable:
            raise ResolutionError(tell("a source distribution does not tell what it requires"), why=self.no_build)
        return said

    def _run(
        self,
        words: Sequence[str],
        options: InstallOptions,
        requested: Sequence[DeclaredRequirement] = (),
        *,
        show_progress: bool = False,
    ) -> UvOutput:
        run = partial(run_uv, owner=self.target.owner, time_limit=self.seconds_left, stated_limit=self.time_limit)
        arguments = [*words, *self._target_arguments(words), *format_options(options, self.installer, requested)]
        if self.installer is Installer.UV and self._is_configured():
            # The pins are given or left out on purpose, case by case.
            variables = {key: value for key, value in self.variables.items() if key not in _CONSTRAINTS}
            return run([*arguments, *format_indexes(options)], variables)
        configuration = "" if options.no_index else format_index_configuration(options)
        with temporary_file(configuration, "uv.toml") as file:
            lend(self.target.owner, file.parent)
            arguments += ["--config-file", str(file)]
            variables = make_neutral_variables(self.variables)
            strategy = format_strategy(options, self.installer)
            said = run([*arguments, *strategy], variables, show_progress=show_progress)
            if strategy and said.unsolvable is not None and _NOT_FOUND in said.unsolvable:
                # Only without a strategy does uv tell of an index that refuses access.
                run(arguments, variables)
            return said

    def _target_arguments(self, words: Sequence[str]) -> list[str]:
        target = self.target
        if "--python" in words:
            return []
        if target.interpreter is not None:
            return ["--python", str(target.interpreter)]
        runs_on = _find_interpreter(self.variables)
        if words[1] == "compile":
            return [*runs_on, "--python-version", target.python]
        return [*runs_on, "--python-version", target.python, "--target", str(target.folder)]

    def _is_configured(self) -> bool:
        """Whether uv has a configuration of its own, which is then left to it."""
        home = Path(self.variables.get("HOME", "/"))
        folder = Path(self.variables.get("XDG_CONFIG_HOME") or home / ".config")
        named = any(key.startswith("UV_") and not is_harmless(key) for key in self.variables if key not in _CONSTRAINTS)
        return named or (folder / "uv/uv.toml").exists() or Path("/etc/uv/uv.toml").exists()


def _find_interpreter(variables: Mapping[str, str]) -> list[str]:
    """Words that name the Python that uv runs on where the target has none.

    By itself uv would run the one in a `.venv` of the current folder, or of one above it: whoever can write there, as
    everybody can in /tmp, would have code run by it.
    """
    for folder in map(Path, variables.get("PATH", os.defpath).split(os.pathsep)):
        has_python = any((folder / name).exists() for name in ("python3", "python"))
        if folder.is_absolute() and has_python and not (folder.parent / "pyvenv.cfg").exists():
            return ["--system"]
    return ["--python", sys.executable]
