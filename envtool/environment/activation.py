"""What a script's activations do: of virtual environments, and of conda's, mamba's and micromamba's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envtool.environment.conda_environments import (
    activate_conda_environment,
    find_conda_environment,
    find_conda_root,
    list_activation_scripts,
    read_environment_variables,
)
from envtool.environment.file_tree import follow_links, has_file, read_tree_text

if TYPE_CHECKING:
    from envtool.environment.file_tree import FileTree
    from envtool.environment.shell_values import Scope

# The folder that a virtual environment's own script puts on PATH: where it was made, wherever it is now.
_MADE_IN = re.compile(r"""^\s*(?:export\s+)?VIRTUAL_ENV=['"]?(/[^'"$\s]+)['"]?\s*$""", re.MULTILINE)
_CONDA_SCRIPTS = re.compile(r"(.+)/etc/profile\.d/(?:conda|mamba|micromamba)\.sh")


@dataclass
class Activations:
    """The activations of a shell so far.

    `has_hook`: this shell knows `conda activate`, or may know it. `outer` are the values of PATH before each of them.
    """

    tree: FileTree
    has_hook: bool = False
    root: str = ""
    outer: list[str] = field(default_factory=list)

    def activate_script(self, scope: Scope, path: str, words: Sequence[str]) -> Iterator[str]:
        """Source `…/bin/activate`, a virtual environment's or conda's. Yields texts that are to be followed."""
        folder = path.removesuffix("/bin/activate")
        if has_file(self.tree, f"{folder}/bin/conda") or has_file(self.tree, f"{folder}/condabin/conda"):
            self.has_hook, self.root = True, folder
            yield from self.activate_conda(scope, words)
        elif folder.startswith("/"):
            made_in = _MADE_IN.findall(read_tree_text(self.tree, path) or "")
            # As a copy it still names the folder that it was made in.
            folder = next((item for item in made_in if item.startswith("/")), folder)
            self.outer.append(scope.get("PATH"))
            scope.set("VIRTUAL_ENV", folder, is_export=True)
            scope.set("PATH", f"{folder}/bin:{scope.get('PATH')}", is_export=True)
            scope.unset("PYTHONHOME")

    def activate_conda(self, scope: Scope, words: Sequence[str], program: str = "") -> Iterator[str]:
        """`conda activate NAME`, or base where none is named. Yields the texts of its scripts."""
        name = next((word for word in words if not word.startswith("-")), "")
        root = self.root or find_conda_root(self.tree, scope.values, program)
        folder = find_conda_environment(self.tree, name, root, scope.values)
        self.outer.append(scope.get("PATH"))
        changed = dict(scope.values)
        activate_conda_environment(changed, folder, root)
        for variable, value in {**changed, **read_environment_variables(self.tree, folder)}.items():
            if scope.values.get(variable) != value:
                scope.set(variable, value, is_export=True)
        yield from list_activation_scripts(self.tree, folder)

    def knows_conda(self, program: str | None) -> bool:
        """Whether `conda activate` does anything: as a program, without its hook in the shell, it only complains."""
        return self.has_hook or program is None

    def deactivate(self, scope: Scope) -> None:
        """Take the last one back."""
        if self.outer:
            scope.set("PATH", self.outer.pop(), is_export=True)

    def take_hook(self, scope: Scope, program: str) -> Iterator[str]:
        """`eval "$(conda shell.bash hook)"`; conda's own then activates base."""
        self.has_hook = True
        root = follow_links(self.tree, program) if program.startswith("/") else None
        self.root = find_conda_root(self.tree, scope.values, root or program)
        if program.rpartition("/")[2] == "conda" and not _is_base_left_alone(self.tree, self.root, scope):
            yield from self.activate_conda(scope, ())

    def take_source(self, path: str) -> bool:
        """A file is sourced: one of conda's own makes `conda activate` known, and does nothing else."""
        found = _CONDA_SCRIPTS.fullmatch(path)
        if found is not None:
            self.has_hook, self.root = True, found[1]
        return found is not None


def _is_base_left_alone(tree: FileTree, root: str, scope: Scope) -> bool:
    """Whether conda's settings say that base is not to be activated."""
    if scope.get("CONDA_AUTO_ACTIVATE_BASE").lower() in {"false", "0", "no"}:
        return True
    texts = (read_tree_text(tree, path) or "" for path in (f"{scope.get('HOME')}/.condarc", f"{root}/.condarc"))
    return any(re.search(r"^auto_activate(?:_base)?:\s*(?:false|no|off)\b", text, re.MULTILINE) for text in texts)
