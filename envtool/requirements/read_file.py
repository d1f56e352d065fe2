"""Reads a dependency file of any kind; its name says which kind it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.requirements.readers.conda_environment import read_conda_environment
from envtool.requirements.readers.dockerfile import read_dockerfile
from envtool.requirements.readers.pdm_lock import read_pdm_lock
from envtool.requirements.readers.pipfile import read_pipfile, read_pipfile_lock
from envtool.requirements.readers.poetry import read_poetry_lock
from envtool.requirements.readers.pylock import read_pylock
from envtool.requirements.readers.pyproject import read_pyproject
from envtool.requirements.readers.requirements_txt import read_requirements
from envtool.requirements.readers.setup_cfg import read_setup_cfg
from envtool.requirements.readers.setup_py import read_setup_py
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.uv_lock import read_uv_lock

if TYPE_CHECKING:
    from envtool.requirements.model import DependencyFile

_ON_DISK = SourceFiles()
# By file name; the first that matches.
_KINDS: tuple[tuple[str, Callable[[Path, SourceFiles], DependencyFile]], ...] = (
    (r"pyproject\.toml", lambda path, _files: read_pyproject(path)),
    (r"pylock(?:\..+)?\.toml", lambda path, _files: read_pylock(path)),
    (r"uv\.lock", lambda path, _files: read_uv_lock(path)),
    (r"poetry\.lock", lambda path, _files: read_poetry_lock(path)),
    (r"pdm\.lock", lambda path, _files: read_pdm_lock(path)),
    (r"pipfile\.lock", lambda path, _files: read_pipfile_lock(path)),
    (r"pipfile", lambda path, _files: read_pipfile(path)),
    (r"setup\.cfg", lambda path, _files: read_setup_cfg(path)),
    (r"setup\.py", lambda path, _files: read_setup_py(path)),
    (r".*\.ya?ml", read_conda_environment),
    (r"(?:.*[.-])?(?:dockerfile|containerfile)(?:[.-].*)?", read_dockerfile),
    (r".*\.(?:txt|in|pip|reqs)|.*requirements.*", read_requirements),
)
# Files that are for environments of their tools' own, which nothing of the vendor's is in; and what to check instead.
_OF_OTHERS: tuple[tuple[str, str], ...] = (
    (r"pixi\.(?:toml|lock)", tell("pixi makes an environment of its own, below .pixi")),
    (
        r"tox\.ini|noxfile\.py",
        tell("tox and nox make environments of their own: check the files that they install from"),
    ),
    (r"(?:.*[.-])?conda-lock\.ya?ml", tell("it is made from an environment.yml: check that")),
)
NAMES = tell(
    "requirements.txt, pyproject.toml, pylock.toml, uv.lock, poetry.lock, pdm.lock, Pipfile, Pipfile.lock, setup.py,"
    " setup.cfg, environment.yml, Dockerfile, and lists of conda's"
)


def read_file(path: Path, kind: str | None = None, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """Read a dependency file, as one of the name `kind` where that is given.

    `files` says how to get at others that it names. Raises `RequirementsError`, also for a name that tells no kind.
    """
    name = (kind or path.name).lower()
    for pattern, why in _OF_OTHERS:
        if re.fullmatch(pattern, name):
            raise RequirementsError(
                tell("{path} is not read", path=path), why=why, remedy="envtool check requirements.txt"
            )
    for pattern, reader in _KINDS:
        if re.fullmatch(pattern, name):
            return reader(path, files)
    raise RequirementsError(
        tell("{path}: its name does not tell which kind of dependency file it is", path=path),
        why=tell("known are {names}", names=NAMES),
        remedy=f"envtool check --file-type requirements.txt {path}",
    )
