"""Finds the environment to look after, and where in it Python keeps its distributions."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from envtool.environment.context import EnvironmentContext
from envtool.environment.shim import ask_shim, is_shim
from envtool.errors import PrefixError
from envtool.language import tell

_PYTHON = re.compile(r"python(\d)\.(\d+)")
_HINT = tell("envtool doctor --prefix DIRECTORY   (the folder that holds bin/python)")


class PrefixKind(Enum):
    """What made a prefix."""

    CONDA = "conda"
    VENV = "venv"
    SYSTEM = "system"


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """An installed Python: its root, its version and its folders.

    `site_packages` is where installers put distributions; `also_read` are further folders that the
    interpreter imports from (a distribution's own `dist-packages`).
    """

    path: Path
    kind: PrefixKind
    python: tuple[int, int]
    site_packages: Path
    also_read: tuple[Path, ...] = ()

    @property
    def interpreter(self) -> Path:
        """The interpreter, as it is called inside the prefix."""
        return self.path / "bin" / f"python{self.python[0]}.{self.python[1]}"

    @property
    def scripts(self) -> Path:
        """Where installers put commands."""
        return (Path("/usr/local") if self.kind is PrefixKind.SYSTEM else self.path) / "bin"


def find_prefix(
    prefix: Path | None = None, python: Path | None = None, context: EnvironmentContext | None = None
) -> Prefix:
    """The environment a person means: named, else the active one, else the `python` on PATH.

    In the file system of an image or a container the names are those inside of it. Raises `PrefixError` where there
    is none, or it has no Python.
    """
    context = context or EnvironmentContext()
    try:
        return _find_prefix(prefix, python, context)
    except PrefixError as error:
        raise PrefixError(context.display(error.what), why=context.display(error.why), remedy=error.remedy) from error


def _find_prefix(prefix: Path | None, python: Path | None, context: EnvironmentContext) -> Prefix:
    if prefix is not None:
        return read_prefix(prefix if context.is_local else context.locate(prefix))
    if python is not None:
        return read_prefix(_find_root(_follow_shim(python if context.is_local else context.locate(python), context)))
    for variable in ("CONDA_PREFIX", "VIRTUAL_ENV"):
        if named := context.variables.get(variable):
            return read_prefix(context.locate(named), source=variable)
    found = _find_program(context)
    if found is None:
        raise PrefixError(
            tell("no environment to look at"),
            why=tell("no --prefix, CONDA_PREFIX or VIRTUAL_ENV is given, and there is no python on PATH"),
            remedy=_HINT,
        )
    return read_prefix(_find_root(_follow_shim(found, context)), source=f"{found} on PATH")


def find_python_on_path(context: EnvironmentContext) -> Path | None:
    """The `python`, else the `python3`, that a shell would start in the end: what a shim starts, if that is known."""
    found = _find_program(context)
    try:
        return _follow_shim(found, context) if found is not None else None
    except PrefixError:
        return found


def _find_program(context: EnvironmentContext) -> Path | None:
    folders = context.variables.get("PATH", os.defpath).split(":")
    path = ":".join(str(context.locate(folder)) if folder.startswith("/") else folder for folder in folders)
    # Of an image's files only the records are written to disk, and no modes: there, whatever has the name will do.
    mode = os.F_OK | os.X_OK if context.is_local else os.F_OK
    found = shutil.which("python", mode, path) or shutil.which("python3", mode, path)
    return Path(found) if found else None


def _follow_shim(program: Path, context: EnvironmentContext) -> Path:
    """The interpreter that a shim starts; of an image nothing is started. Raises `PrefixError` where it starts none."""
    if not context.is_local or not is_shim(program) or _list_pythons(program.absolute().parent.parent):
        return program
    answer = ask_shim(program)
    if answer.interpreter is None:
        raise PrefixError(tell("{program} starts no Python", program=program), why=answer.why, remedy=_HINT)
    return answer.interpreter


def read_prefix(path: Path, *, source: str = "--prefix") -> Prefix:
    """Read the layout of the prefix at `path`. Raises `PrefixError`."""
    root = path.absolute()
    if not os.path.isdir(root):
        raise PrefixError(
            tell("{path} is not a folder", path=path), why=tell("it is named by {source}", source=source), remedy=_HINT
        )
    kind = _detect_kind(root)
    versions = _list_pythons(root)
    if not versions:
        raise PrefixError(
            tell("{path} has no Python", path=path),
            why=tell("there is no bin/python3.* with a lib/python3.* beside it (named by {source})", source=source),
            remedy=_HINT,
        )
    if kind is PrefixKind.SYSTEM:
        return _read_system_prefix(root, versions[0])
    python = _select_python(root, versions)
    site_packages = root / "lib" / f"python{python[0]}.{python[1]}" / "site-packages"
    if not os.path.isdir(site_packages):
        raise PrefixError(
            tell("{path} has no site-packages", path=path),
            why=tell("{site_packages} is not a folder", site_packages=site_packages),
            remedy=_HINT,
        )
    return Prefix(path=root, kind=kind, python=python, site_packages=site_packages)


def _find_root(python: Path) -> Path:
    if not os.path.exists(python):
        raise PrefixError(tell("{python} does not exist", python=python), remedy=_HINT)
    root = python.absolute().parent.parent
    if _list_pythons(root):
        return root
    # A bare link to an interpreter elsewhere, and not a virtual environment's.
    return python.resolve().parent.parent


def _detect_kind(root: Path) -> PrefixKind:
    if os.path.isdir(root / "conda-meta"):
        return PrefixKind.CONDA
    if os.path.isfile(root / "pyvenv.cfg"):
        return PrefixKind.VENV
    # A Debian interpreter is told by its dist-packages; any other without a marker is laid out like a venv.
    return PrefixKind.SYSTEM if os.path.isdir(root / "lib/python3/dist-packages") else PrefixKind.VENV


def _list_pythons(root: Path) -> list[tuple[int, int]]:
    """The Pythons of a prefix: those with both an interpreter and a library folder, newest first."""
    try:
        libraries = {entry.name for entry in os.scandir(root / "lib")}
        programs = {entry.name for entry in os.scandir(root / "bin")}
    except OSError:
        return []
    found = [match for name in libraries if (match := _PYTHON.fullmatch(name))]
    both = [match for match in found if match[0] in programs]
    # uv and old virtualenvs may link only bin/python.
    usable = both or (found if {"python", "python3"} & programs else [])
    return sorted(((int(match[1]), int(match[2])) for match in usable), reverse=True)


def _select_python(root: Path, versions: list[tuple[int, int]]) -> tuple[int, int]:
    """Where an upgrade left several library folders: the one that `bin/python` leads to."""
    for name in ("python", "python3"):
        program = root / "bin" / name
        match = _PYTHON.fullmatch(program.resolve().name)
        if match and (named := (int(match[1]), int(match[2]))) in versions:
            return named
    return versions[0]


def _read_system_prefix(root: Path, python: tuple[int, int]) -> Prefix:
    local = Path("/usr/local/lib") if root == Path("/usr") else root / "local" / "lib"
    local = local / f"python{python[0]}.{python[1]}" / "dist-packages"
    distribution = root / "lib/python3/dist-packages"
    site_packages, also_read = (local, (distribution,)) if os.path.isdir(local) else (distribution, ())
    return Prefix(path=root, kind=PrefixKind.SYSTEM, python=python, site_packages=site_packages, also_read=also_read)
