"""Case 14: another environment is active than the one with the vendor torch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.doctor.finding_kind import FindingKind
from envtool.doctor.findings import Evidence, Finding
from envtool.environment.distribution import read_distribution
from envtool.environment.prefix import PrefixKind, find_python_on_path
from envtool.language import tell
from envtool.regular_file import read_regular_text
from envtool.release.pin import PIN_FILE
from envtool.release.version import parse_vendor_version

if TYPE_CHECKING:
    from envtool.environment.reader import Environment


def find_vendor_torch_nearby(environment: Environment) -> Finding | None:
    """The finding that another environment has the vendor torch and was probably meant; else `None`."""
    for prefix in _find_neighbours(environment):
        version = _find_vendor_torch(prefix)
        if version is None:
            continue
        shown = environment.context.display
        return Finding(
            kind=FindingKind.WRONG_ENVIRONMENT,
            title=tell("this environment has no vendor torch; {shown} has", shown=shown(str(prefix))),
            evidence=(
                Evidence(
                    str(environment.prefix.site_packages),
                    tell("torch {version}", version=version),
                    tell("no vendor torch"),
                ),
                Evidence(
                    str(prefix), tell("the active environment"), tell("torch {version}, not active", version=version)
                ),
            ),
            cause=tell(
                "{explain_choice}, and the vendor torch was installed into another environment",
                explain_choice=_explain_choice(environment),
            ),
            remedy=(
                f"conda activate {shlex.quote(shown(str(prefix)))}"
                if os.path.isdir(prefix / "conda-meta")
                else f". {shlex.quote(shown(str(prefix)))}/bin/activate"
            ),
        )
    return None


def check(environment: Environment) -> Iterator[Finding]:
    """Check that the Python that comes first on PATH is the one of the environment that a variable names."""
    context = environment.context
    if context.is_explicit:
        return
    python = find_python_on_path(context)
    folder = environment.prefix.path / "bin"
    if python is None or not os.path.isdir(folder) or python.parent.resolve() == folder.resolve():
        return
    yield Finding(
        kind=FindingKind.PATH_ORDER,
        title=tell("`python` starts {python}, which is not this environment's", python=python),
        evidence=(Evidence("PATH", tell("{folder} first", folder=folder), str(python)),),
        cause=tell(
            "{explain_choice}, but another environment was activated over it or PATH was changed",
            explain_choice=_explain_choice(environment),
        ),
        remedy=f"export PATH={shlex.quote(context.display(str(folder)))}:$PATH",
    )


def _find_neighbours(environment: Environment) -> Iterator[Path]:
    """Find the environments of the same conda installation, and those that conda keeps a list of."""
    path = environment.prefix.path
    seen = {path}
    folders: list[Path] = []
    if environment.prefix.kind is PrefixKind.CONDA:
        root = path.parent.parent if path.parent.name == "envs" else path
        folders = [root, *_list_children(root / "envs")]
    home = environment.context.variables.get("HOME")
    if home and environment.context.is_local:
        try:
            lines = read_regular_text(Path(home) / ".conda/environments.txt").splitlines()
        except OSError:
            lines = []
        folders += [Path(line) for line in lines if line.startswith("/") and "\0" not in line]
    for folder in folders:
        if folder not in seen:
            seen.add(folder)
            yield folder


def _list_children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _find_vendor_torch(prefix: Path) -> str | None:
    for path in sorted(prefix.glob("lib/python*/site-packages/torch-*.dist-info")):
        item = read_distribution(path)
        if item is not None and parse_vendor_version(item.version) is not None:
            return item.version
    return tell("as pinned") if os.path.isfile(prefix / PIN_FILE) else None


def _explain_choice(environment: Environment) -> str:
    variables, path = environment.context.variables, environment.prefix.path
    if environment.context.is_explicit:
        return tell("it was named on the command line")
    for variable in ("CONDA_PREFIX", "VIRTUAL_ENV"):
        if (value := variables.get(variable)) and environment.context.locate(value) == path:
            return tell("{variable} names it", variable=variable)
    return tell("its python comes first on PATH")
