"""Where conda, mamba and micromamba have their environments, and what activating one changes.

Sources: conda's documentation, "Managing environments" and "conda init"; micromamba's user guide; conda's
shell/etc/profile.d/conda.sh, by its behaviour.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from envtool.environment.file_tree import has_folder, list_folder, read_tree_text

if TYPE_CHECKING:
    from envtool.environment.file_tree import FileTree

CONDAS = frozenset({"conda", "mamba", "micromamba"})
USUAL_ROOT = "/opt/conda"
_BASE_NAMES = frozenset({"base", "root"})
# Where installers and public images put it, below / and below a home folder.
_FOLDERS = ("conda", "miniconda", "miniconda3", "miniforge3", "mambaforge", "micromamba", "anaconda3")


def find_conda_root(tree: FileTree, variables: Mapping[str, str], program: str = "") -> str:
    """The folder of the base environment. `program` is the conda that was called, by its path, where that is known."""
    if "micromamba" not in program and program.rpartition("/")[0].endswith(("/bin", "/condabin")):
        return program.rpartition("/")[0].rpartition("/")[0]
    for named in (variables.get("MAMBA_ROOT_PREFIX", ""), variables.get("CONDA_EXE", "").removesuffix("/bin/conda")):
        if named.startswith("/"):
            return named.rstrip("/")
    home = variables.get("HOME", "").rstrip("/")
    folders = [f"{above}/{name}" for above in ("/opt", home, "", "/usr/local") for name in _FOLDERS]
    return next((folder for folder in folders if has_folder(tree, f"{folder}/envs")), USUAL_ROOT)


def find_conda_environment(tree: FileTree, name: str, root: str, variables: Mapping[str, str]) -> str:
    """The folder of an environment, by its name or its path."""
    if "/" in name:
        return name.rstrip("/")
    if name in _BASE_NAMES or not name:
        return root
    listed = f"{variables.get('CONDA_ENVS_PATH', '')}:{variables.get('CONDA_ENVS_DIRS', '')}".split(":")
    folders = [*(folder for folder in listed if folder), f"{root}/envs", f"{variables.get('HOME', '')}/.conda/envs"]
    return next(
        (f"{folder}/{name}" for folder in folders if has_folder(tree, f"{folder}/{name}")), f"{root}/envs/{name}"
    )


def activate_conda_environment(variables: dict[str, str], folder: str, root: str) -> None:
    """What activating sets; of nested ones, the inner takes the outer's place on PATH."""
    path = variables.get("PATH", "").split(":")
    level, outer = variables.get("CONDA_SHLVL", "0"), variables.get("CONDA_PREFIX", "")
    if level not in {"", "0"} and f"{outer}/bin" in path:
        path.remove(f"{outer}/bin")
    is_base = folder == root
    variables |= {
        "PATH": ":".join([f"{folder}/bin", *path]),
        "CONDA_PREFIX": folder,
        "CONDA_DEFAULT_ENV": "base" if is_base else folder.rpartition("/")[2],
        "CONDA_SHLVL": str(int(level) + 1) if level.isdigit() else "1",
    }


def list_activation_scripts(tree: FileTree, folder: str) -> Iterator[str]:
    """The texts of the scripts that an environment has sourced when it is activated."""
    for name in list_folder(tree, f"{folder}/etc/conda/activate.d"):
        text = read_tree_text(tree, f"{folder}/etc/conda/activate.d/{name}") if name.endswith(".sh") else None
        if text is not None:
            yield text


def read_environment_variables(tree: FileTree, folder: str) -> Mapping[str, str]:
    """What `conda env config vars set` has written into an environment."""
    try:
        found = json.loads(read_tree_text(tree, f"{folder}/conda-meta/state") or "{}").get("env_vars", {})
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}
