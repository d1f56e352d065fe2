"""Which Python a notebook runs in: the kernel `python3`, which JupyterLab and `jupyter nbconvert` start unless told.

Sources: jupyter_client, "Kernel specs"; jupyter_core, "Common Directories and File Locations". A first word `python` is
the interpreter that Jupyter itself runs in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envtool.environment.file_tree import FileTree, read_tree_text

_DEFAULT = "python3"
_OWN = re.compile(r"python(?:\d(?:\.\d+)?)?")


@dataclass(frozen=True, kw_only=True)
class JupyterKernel:
    """The command of a kernel, the variables that it adds, and the file that says so."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    path: str


def find_default_kernel(tree: FileTree, variables: Mapping[str, str], prefix: str) -> JupyterKernel | None:
    """The kernel `python3` where a file describes it; `None` where Jupyter, of `prefix`, makes its own.

    A file that cannot be read counts as none, as in Jupyter.
    """
    for folder in _list_folders(variables, prefix):
        path = f"{folder}/kernels/{_DEFAULT}/kernel.json"
        text = read_tree_text(tree, path)
        if text is None:
            continue
        try:
            described = json.loads(text)
        except (ValueError, RecursionError):
            continue
        words = described.get("argv") if isinstance(described, dict) else None
        if not isinstance(words, list) or not words:
            continue
        added = described.get("env")
        own = f"{prefix}/bin/python" if _OWN.fullmatch(str(words[0])) else str(words[0])
        return JupyterKernel(
            words=(own, *map(str, words[1:])),
            variables={str(name): str(value) for name, value in added.items()} if isinstance(added, dict) else {},
            path=path,
        )
    return None


def _list_folders(variables: Mapping[str, str], prefix: str) -> Iterator[str]:
    yield from (folder.rstrip("/") for folder in variables.get("JUPYTER_PATH", "").split(":") if folder)
    home = variables.get("HOME", "").rstrip("/")
    yield variables.get("JUPYTER_DATA_DIR") or f"{variables.get('XDG_DATA_HOME') or f'{home}/.local/share'}/jupyter"
    yield from (f"{folder}/share/jupyter" for folder in dict.fromkeys((prefix, "/usr/local", "/usr")))
