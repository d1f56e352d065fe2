"""Reads a dependency file of any kind; its name says which kind it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import RequirementsError
from envtool.language import tell
from envtool.requirements.readers.conda_environment import read_conda_environment
from envtool.requirements.readers.conda_lock import read_conda_lock, read_pixi_lock
from envtool.requirements.readers.dockerfile import read_dockerfile
from envtool.requirements.readers.hatch import read_hatch_toml
from envtool.requirements.readers.noxfile import read_noxfile
from envtool.requirements.readers.pdm_lock import read_pdm_lock
from envtool.requirements.readers.pipfile import read_pipfile, read_pipfile_lock
from envtool.requirements.readers.pixi import read_pixi_toml
from envtool.requirements.readers.poetry import read_poetry_lock
from envtool.requirements.readers.project_environments import read_project_file
from envtool.requirements.readers.pylock import read_pylock
from envtool.requirements.readers.requirements_txt import read_requirements
from envtool.requirements.readers.setup_cfg import read_setup_cfg
from envtool.requirements.readers.setup_py import read_setup_py
from envtool.requirements.readers.source_files import SourceFiles
from envtool.requirements.readers.tox_ini import read_tox_ini, read_tox_toml
from envtool.requirements.readers.uv_lock import read_uv_lock

if TYPE_CHECKING:
    from envtool.requirements.model import DependencyFile

_ON_DISK = SourceFiles()
# By file name; the first that matches.
_KINDS: tuple[tuple[str, Callable[[Path, SourceFiles], DependencyFile]], ...] = (
    (r"pyproject\.toml", read_project_file),
    (r"hatch\.toml", read_hatch_toml),
    (r"pixi\.toml", read_pixi_toml),
    (r"pixi\.lock", lambda path, _files: read_pixi_lock(path)),
    (r"tox\.ini", read_tox_ini),
    (r"tox\.toml", read_tox_toml),
    (r"noxfile\.py", read_noxfile),
    (r"pylock(?:\..+)?\.toml", lambda path, _files: read_pylock(path)),
    (r"uv\.lock", lambda path, _files: read_uv_lock(path)),
    (r"poetry\.lock", lambda path, _files: read_poetry_lock(path)),
    (r"pdm\.lock", lambda path, _files: read_pdm_lock(path)),
    (r"pipfile\.lock", lambda path, _files: read_pipfile_lock(path)),
    (r"pipfile", lambda path, _files: read_pipfile(path)),
    (r"setup\.cfg", lambda path, _files: read_setup_cfg(path)),
    (r"setup\.py", lambda path, _files: read_setup_py(path)),
    (r"(?:.*[.-])?conda-lock\.ya?ml", lambda path, _files: read_conda_lock(path)),
    (r".*\.ya?ml", read_conda_environment),
    (r"(?:.*[.-])?(?:dockerfile|containerfile)(?:[.-].*)?", read_dockerfile),
    (r".*\.(?:txt|in|pip|reqs)|.*requirements.*", read_requirements),
)
NAMES = tell(
    "requirements.txt, pyproject.toml, pylock.toml, uv.lock, poetry.lock, pdm.lock, Pipfile, Pipfile.lock, setup.py,"
    " setup.cfg, environment.yml, conda-lock.yml, pixi.toml, pixi.lock, hatch.toml, tox.ini, tox.toml, noxfile.py,"
    " Dockerfile, and lists of conda's"
)


def read_file(path: Path, kind: str | None = None, files: SourceFiles = _ON_DISK) -> DependencyFile:
    """Read a dependency file, as one of the name `kind` where that is given.

    `files` says how to get at others that it names. Raises `RequirementsError`, also for a name that tells no kind.
    """
    name = (kind or path.name).lower()
    for pattern, reader in _KINDS:
        if re.fullmatch(pattern, name):
            return reader(path, files)
    raise RequirementsError(
        tell("{path}: its name does not tell which kind of dependency file it is", path=path),
        why=tell("known are {names}", names=NAMES),
        remedy=f"envtool check --file-type requirements.txt {path}",
    )
