"""A dependency file of any kind, told by its name and, where that says nothing, by what is in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError

if TYPE_CHECKING:
    from envtool.requirements.model import DependencyFile


def _read_requirements(path: Path) -> DependencyFile:
    from envtool.requirements.readers.requirements_txt import read_requirements

    return read_requirements(path)


def _read_pyproject(path: Path) -> DependencyFile:
    from envtool.requirements.readers.pyproject import read_pyproject

    return read_pyproject(path)


def _read_pylock(path: Path) -> DependencyFile:
    from envtool.requirements.readers.pylock import read_pylock

    return read_pylock(path)


def _read_uv_lock(path: Path) -> DependencyFile:
    from envtool.requirements.readers.uv_lock import read_uv_lock

    return read_uv_lock(path)


def _read_poetry_lock(path: Path) -> DependencyFile:
    from envtool.requirements.readers.poetry import read_poetry_lock

    return read_poetry_lock(path)


def _read_pipfile(path: Path) -> DependencyFile:
    from envtool.requirements.readers.pipfile import read_pipfile

    return read_pipfile(path)


def _read_pipfile_lock(path: Path) -> DependencyFile:
    from envtool.requirements.readers.pipfile import read_pipfile_lock

    return read_pipfile_lock(path)


def _read_setup_cfg(path: Path) -> DependencyFile:
    from envtool.requirements.readers.setup_cfg import read_setup_cfg

    return read_setup_cfg(path)


def _read_conda(path: Path) -> DependencyFile:
    from envtool.requirements.readers.conda_environment import read_conda_environment

    return read_conda_environment(path)


def _read_dockerfile(path: Path) -> DependencyFile:
    from envtool.requirements.readers.dockerfile import read_dockerfile

    return read_dockerfile(path)


# By file name, the first that matches; each reader is imported only where it is needed.
_KINDS: tuple[tuple[str, Callable[[Path], DependencyFile]], ...] = (
    (r"pyproject\.toml", _read_pyproject),
    (r"pylock(?:\..+)?\.toml", _read_pylock),
    (r"uv\.lock", _read_uv_lock),
    (r"poetry\.lock", _read_poetry_lock),
    (r"pipfile\.lock", _read_pipfile_lock),
    (r"pipfile", _read_pipfile),
    (r"setup\.cfg", _read_setup_cfg),
    (r".*\.ya?ml", _read_conda),
    (r"(?:.*[.-])?(?:dockerfile|containerfile)(?:[.-].*)?", _read_dockerfile),
    (r".*\.(?:txt|in|pip|reqs)|.*requirements.*", _read_requirements),
)
NAMES = (
    "requirements.txt, pyproject.toml, pylock.toml, uv.lock, poetry.lock, Pipfile, Pipfile.lock, setup.cfg,"
    " environment.yml, Dockerfile"
)


def read_file(path: Path, kind: str | None = None) -> DependencyFile:
    """Read a dependency file, as one of the name `kind` where that is given.

    Raises `RequirementsError`, also for a name that tells no kind.
    """
    name = (kind or path.name).lower()
    for pattern, reader in _KINDS:
        if re.fullmatch(pattern, name):
            return reader(path)
    raise RequirementsError(
        f"{path}: its name does not tell which kind of dependency file it is",
        why=f"known are {NAMES}",
        remedy=f"envtool check --file-type requirements.txt {path}",
    )


def is_known_name(name: str) -> bool:
    """Whether a file of this name would be read."""
    return any(re.fullmatch(pattern, name.lower()) for pattern, _reader in _KINDS)
