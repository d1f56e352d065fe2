"""Asks a project's build back end what the project requires (PEP 517), in an environment made for that.

The back end runs in the target's Python, in a copy of the project, with stand-ins for the vendor's distributions, for
so long and with so much output.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.bounded_process import BoundedProcess
from envtool.errors import ResolutionError
from envtool.language import join_messages, tell
from envtool.regular_file import read_regular_file
from envtool.release.profile import PINNED_NAMES
from envtool.requirements.build_failure import find_last_error
from envtool.requirements.build_stubs import BUILD_SETTINGS, build_stubs
from envtool.requirements.projects.project_metadata import ProjectMetadata, parse_metadata
from envtool.requirements.readers.common import get_table, parse_toml
from envtool.requirements.text_file import read_text
from envtool.requirements.uv_command import MissingBuildTorchError, imports_missing_torch, make_neutral_variables
from envtool.transaction.owner import lend, make_process_options
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.requirements.resolve import Resolver

_OUTPUT_LIMIT = 1 << 20
# Bytes. METADATA has the project's README in it.
_METADATA_LIMIT = 16 << 20
# PEP 517, "Source trees": what a project without a pyproject.toml, or without this table, is built with.
_LEGACY = (("setuptools>=40.8.0",), "setuptools.build_meta:__legacy__")
# The version is of no matter, and telling it takes a history that the copy has not.
_VERSIONS = {"SETUPTOOLS_SCM_PRETEND_VERSION": "0", "PBR_VERSION": "0", "PDM_BUILD_SCM_VERSION": "0",
             "POETRY_DYNAMIC_VERSIONING_BYPASS": "0", "UV_DYNAMIC_VERSIONING_BYPASS": "0"}  # fmt: skip
_PROJECT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True)
class BuildSystem:
    """The table `build-system` of a pyproject.toml."""

    requires: tuple[str, ...] = _LEGACY[0]
    backend: str = _LEGACY[1]
    paths: tuple[str, ...] = ()


def read_build_system(folder: Path) -> BuildSystem:
    """How a project is built. Raises `RequirementsError` for a pyproject.toml that cannot be read."""
    path = folder / "pyproject.toml"
    table = get_table(parse_toml(read_text(path), path), "build-system") if path.is_file() else {}
    requires, backend, paths = (table.get(key) for key in ("requires", "build-backend", "backend-path"))
    return BuildSystem(
        _as_strings(requires) if requires is not None else _LEGACY[0],
        backend if isinstance(backend, str) else _LEGACY[1],
        _as_strings(paths),
    )


def _as_strings(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def ask_build_backend(source: Path, work: Path, resolver: Resolver, shown: str) -> ProjectMetadata:
    """The metadata of the project in `source`, which its back end may write into. `work` is a folder for the rest.

    `shown` is the project as a person knows it. Raises `RequirementsError`, `ResolutionError` and `SourceError`.
    """
    system = read_build_system(source)
    environment = work / "environment"
    resolver.make_build_environment(environment)
    if wanted := _drop_pinned(system.requires):
        resolver.install_for_build(wanted, environment)
    deadline = time.monotonic() + resolver.seconds_left
    with build_stubs(resolver.target.pin, resolver.target.python, resolver.target.owner) as stubs:
        runner = _HookRunner(resolver, environment, None, shown, deadline)
        if len(wanted) == len(system.requires):
            # As in an install: a project that does without torch may ask for another then.
            try:
                return _run_hooks(source, work / "metadata", system, runner)
            except MissingBuildTorchError:
                pass
        return _run_hooks(source, work / "metadata-with-torch", system, replace(runner, stubs=stubs.folder))


def _run_hooks(source: Path, metadata: Path, system: BuildSystem, runner: _HookRunner) -> ProjectMetadata:
    import pyproject_hooks

    metadata.mkdir()
    lend(runner.resolver.target.owner, metadata)
    try:
        hooks = pyproject_hooks.BuildBackendHookCaller(
            str(source),
            system.backend,
            backend_path=list(system.paths) or None,
            runner=runner,
            python_executable=str(runner.environment / "bin/python"),
        )
        # A back end's warnings would be printed as this program's.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if more := _drop_pinned(hooks.get_requires_for_build_wheel()):
                runner.resolver.install_for_build(more, runner.environment)
            name = hooks.prepare_metadata_for_build_wheel(str(metadata))
        found = parse_metadata(read_regular_file(metadata / name / "METADATA", _METADATA_LIMIT))
    except pyproject_hooks.BackendUnavailable as error:
        last = find_last_error(error.traceback)
        raise _make_error(
            runner.shown, tell("{backend} cannot be imported: {words}", backend=system.backend, words=last)
        ) from error
    except (
        pyproject_hooks.BackendInvalid,
        pyproject_hooks.HookMissing,
        pyproject_hooks.UnsupportedOperation,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        raise _make_error(
            runner.shown, join_messages(": ", (system.backend, type(error).__name__, str(error)))
        ) from error
    if found is None:
        raise _make_error(
            runner.shown, tell("{backend} made metadata without a name or a version", backend=system.backend)
        )
    return found


def _drop_pinned(lines: Sequence[str]) -> list[str]:
    """What a build needs, without the distributions that it gets stand-ins for."""
    return [line for line in lines if _name_of(line) not in PINNED_NAMES]


def _name_of(line: str) -> str:
    match = _PROJECT.match(line)
    return normalize_name(match[1]) if match else ""


@dataclass(frozen=True)
class _HookRunner:
    """Runs one hook, as `pyproject_hooks` asks for it. `stubs` are there to be imported, where they are given."""

    resolver: Resolver
    environment: Path
    stubs: Path | None
    shown: str
    deadline: float

    def __call__(
        self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        owner = self.resolver.target.owner
        variables = make_neutral_variables(self.resolver.variables)
        if owner is not None:
            variables = owner.adapt_variables(variables)
        path = f"{self.environment / 'bin'}{os.pathsep}{variables.get('PATH', os.defpath)}"
        settings = {**BUILD_SETTINGS, **_VERSIONS, "PYTHONPATH": str(self.stubs or ""), "PATH": path}
        settings |= {
            "VIRTUAL_ENV": str(self.environment),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "ignore",
            **(extra_environ or {}),
        }
        # The folder by which `pyproject_hooks` and the hook talk.
        lend(owner, Path(cmd[-1]))
        try:
            process = BoundedProcess(
                cmd,
                environment={**variables, **settings},
                cwd=cwd,
                **{"process_group": 0, **make_process_options(owner)},
            )
        except OSError as error:
            raise _make_error(
                self.shown, tell("its Python cannot be started: {reason}", reason=error.strerror)
            ) from error
        limit = self.deadline - time.monotonic()
        ended = process.wait(max(limit, 1.0), _OUTPUT_LIMIT)
        if ended.is_too_long:
            raise _make_error(self.shown, tell("it prints more than {size} MiB", size=_OUTPUT_LIMIT >> 20))
        if ended.status is None:
            raise ResolutionError(
                tell(
                    "{shown}: its build back end gave no answer within {time_limit:.0f} seconds",
                    shown=self.shown,
                    time_limit=self.resolver.time_limit,
                ),
                remedy=tell("envtool check --time-limit 600 …   (gives it more)"),
            )
        if ended.status != 0:
            said = (ended.err + b"\n" + ended.out).decode("utf-8", "replace")
            if self.stubs is None and imports_missing_torch(said):
                raise MissingBuildTorchError(tell("{shown}: its build imports torch", shown=self.shown))
            raise _make_error(self.shown, find_last_error(said))


def _make_error(shown: str, why: str) -> ResolutionError:
    return ResolutionError(
        tell("{shown}: its build back end does not say what it requires", shown=shown),
        why=why,
        remedy=tell("pip wheel --no-deps {shown}   (shows the whole build)", shown=shown),
    )
