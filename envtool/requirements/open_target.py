"""Which environment dependency files are held against: the one that is there, or one that a version stands for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.environment.change_scope import get_prefix_scope
from envtool.environment.context import EnvironmentContext
from envtool.environment.effective_pin import find_effective_pin
from envtool.environment.pip_configuration import read_pip_settings
from envtool.environment.prefix import Prefix, find_prefix
from envtool.environment.python_version import read_python_version
from envtool.environment.reader import Environment, read_environment
from envtool.environment.vendor_profile import EnvironmentEvidence
from envtool.errors import ReleaseError, UsageError
from envtool.language import join_messages, tell
from envtool.release.profile import TORCH
from envtool.release.unknown_vendor import find_unknown_build
from envtool.requirements.model import InstallOptions, Role
from envtool.requirements.pip_options import parse_pip_settings
from envtool.requirements.readers.requirements_txt import read_nested
from envtool.requirements.resolve import Resolver
from envtool.requirements.target import Target
from envtool.requirements.uv_options import Installer

# As uv takes it: `--python 3.8`.
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")


@dataclass(frozen=True)
class ConfiguredTarget:
    """A target, a resolver for each installer as it is configured there, and the installers held to the pins."""

    target: Target
    resolvers: dict[Installer, Resolver]
    constrained: frozenset[Installer]


@contextmanager
def open_target(
    prefix: Path | None, python: Path | None, torch: str | None, python_version: str | None
) -> Iterator[tuple[Target, Prefix | None]]:
    """The target of a command's options. Raises `PrefixError`, `ReleaseError`, `VersionError`, `UsageError`."""
    if torch is not None:
        from envtool.release.compatibility import build_known_pin, get_usual_python
        from envtool.requirements.synthetic_target import synthetic_target

        version = _select_version(prefix, python, python_version)
        pin = build_known_pin(torch)
        with synthetic_target(pin, version or get_usual_python(pin)) as target:
            yield target, None
        return
    found = find_prefix(prefix, python)
    yield make_target(read_environment(found)), found


def _select_version(prefix: Path | None, python: Path | None, python_version: str | None) -> str | None:
    """The Python that is asked for, for an environment that is assumed. Raises `UsageError`."""
    if prefix is None and python is None:
        return python_version
    named = str(python) if python is not None else ""
    if prefix is None and _VERSION.fullmatch(named) and python_version in {None, named}:
        return named
    option, value = ("--prefix", prefix) if prefix is not None else ("--python", python)
    raise UsageError(
        tell("{option} {value} does not go with --torch", option=option, value=value),
        why=tell("--torch assumes an environment that is not there"),
        remedy=tell("leave one of them out; --python-version 3.8 names the Python of an assumed environment"),
    )


def make_target(environment: Environment) -> Target:
    """The target that an environment is. Raises `ReleaseError` where nothing says which torch it should have."""
    prefix = environment.prefix
    pin = find_effective_pin(environment)
    if pin is None:
        found = (find_unknown_build(item.version, EnvironmentEvidence(environment)) for item in environment.find(TORCH))
        unknown = next((item for item in found if item is not None), None)
        raise ReleaseError(
            tell("nothing says which vendor torch {path} should have", path=prefix.path),
            why=tell("it has neither a pin nor a torch of the vendor's")
            if unknown is None
            else join_messages("; ", (tell("its torch is {version}", version=unknown.version), unknown.why)),
            remedy=f"envtool doctor --prefix {prefix.path}" if unknown is None else unknown.remedy,
        )
    version = ".".join(str(part) for part in prefix.python)
    interpreter = prefix.path / "bin" / "python"
    named = interpreter if interpreter.exists() else prefix.path / "bin" / f"python{version}"
    return Target(
        pin=pin,
        python=read_python_version(prefix),
        interpreter=named,
        installed={item.name: item for item in environment.distributions},
    )


def configure_target(
    target: Target, prefix: Prefix | None, installers: tuple[Installer, ...], *, time_limit: float
) -> ConfiguredTarget:
    """Resolvers with what pip's and uv's own configuration says, apart from the pins.

    Raises `RequirementsError`, and `RestoreError` where the environment belongs to two users.
    """
    if prefix is not None:
        target = replace(target, owner=get_prefix_scope(prefix).find_owner())
    settings = read_pip_settings(EnvironmentContext(), prefix)
    held, constraints = set(), []
    pins = target.pin.requirements
    named = {Installer.PIP: settings.get("constraint", ""), Installer.UV: os.environ.get("UV_CONSTRAINT", "")}
    for installer, files in named.items():
        for name in files.split():
            lines = [entry.format_line() for entry in read_nested(Path(name), role=Role.CONSTRAINT).entries]
            if target.pin.format_requirement(target.pin.torch) in lines:
                held.add(installer)
            # uv reads its own variable itself, unless it is left out for the sake of the pins.
            constraints += [(installer, line) for line in lines if line not in pins]
    resolvers = {
        installer: Resolver(
            target=target,
            installer=installer,
            variables=os.environ,
            options=parse_pip_settings(settings) if installer is Installer.PIP else InstallOptions(),
            constraints=tuple(line for owner, line in constraints if owner is installer),
            time_limit=time_limit,
        )
        for installer in installers
    }
    return ConfiguredTarget(target, resolvers, frozenset(held))
