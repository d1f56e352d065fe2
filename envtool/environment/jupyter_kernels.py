"""Which Pythons notebooks run in: the kernel `python3`, which Jupyter starts unless told, and those with other names.

Sources: jupyter_client, "Kernel specs"; jupyter_core, "Common Directories and File Locations". A first word `python` is
the interpreter that Jupyter itself runs in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envtool.environment.file_tree import FileTree, list_folder, read_tree_text

_DEFAULT = "python3"
_OWN = re.compile(r"python(?:\d(?:\.\d+)?)?")


@dataclass(frozen=True, kw_only=True)
class JupyterKernel:
    """A kernel's name, its command, the variables that it adds, and the file that says so."""

    name: str
    words: tuple[str, ...]
    variables: Mapping[str, str]
    path: str

    @property
    def is_default(self) -> bool:
        """Whether notebooks are started in it that name no other."""
        return self.name == _DEFAULT


def list_kernels(tree: FileTree, variables: Mapping[str, str], prefix: str) -> Iterator[JupyterKernel]:
    """The kernels that files describe, the default one first.

    Without a file for that one, Jupyter, of `prefix`, makes its own. A file that cannot be read counts as none.
    """
    found: dict[str, JupyterKernel] = {}
    for folder in _list_folders(variables, prefix):
        for name in list_folder(tree, f"{folder}/kernels"):
            kernel = _read_kernel(tree, f"{folder}/kernels/{name}/kernel.json", name, prefix)
            if kernel is not None:
                found.setdefault(name.lower(), kernel)
    yield from sorted(found.values(), key=lambda kernel: not kernel.is_default)


def _read_kernel(tree: FileTree, path: str, name: str, prefix: str) -> JupyterKernel | None:
    text = read_tree_text(tree, path)
    try:
        described = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    words = described.get("argv") if isinstance(described, dict) else None
    if not isinstance(words, list) or not words:
        return None
    added = described.get("env")
    own = f"{prefix}/bin/python" if _OWN.fullmatch(str(words[0])) else str(words[0])
    return JupyterKernel(
        name=name.lower(),
        words=(own, *map(str, words[1:])),
        variables={str(name): str(value) for name, value in added.items()} if isinstance(added, dict) else {},
        path=path,
    )


def _list_folders(variables: Mapping[str, str], prefix: str) -> Iterator[str]:
    yield from (folder.rstrip("/") for folder in variables.get("JUPYTER_PATH", "").split(":") if folder)
    home = variables.get("HOME", "").rstrip("/")
    yield variables.get("JUPYTER_DATA_DIR") or f"{variables.get('XDG_DATA_HOME') or f'{home}/.local/share'}/jupyter"
    yield from (f"{folder}/share/jupyter" for folder in dict.fromkeys((prefix, "/usr/local", "/usr")))
