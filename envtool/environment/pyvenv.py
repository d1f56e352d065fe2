"""A virtual environment by its pyvenv.cfg, told before links are followed. Source: PEP 405."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from envtool.environment.file_tree import FileTree, follow_links, read_tree_text


@dataclass(frozen=True)
class PyvenvSettings:
    """A virtual environment's folder, and what its pyvenv.cfg says."""

    folder: str
    values: Mapping[str, str]

    @property
    def sees_system(self) -> bool:
        """Whether its Python imports from the one that it was made from as well."""
        return self.values.get("include-system-site-packages", "").lower() == "true"


def read_pyvenv_settings(tree: FileTree, executable: str) -> PyvenvSettings | None:
    """What is beside a program, as it is called, or in the folder above; `None` where it is no environment's."""
    folder = executable.rpartition("/")[0]
    for place in (folder, folder.rpartition("/")[0]):
        text = read_tree_text(tree, f"{place}/pyvenv.cfg")
        if text is not None:
            rows = (line.partition("=") for line in text.splitlines() if "=" in line)
            # The environment's folder is the one above the program's, wherever the file is.
            values = {key.strip().lower(): value.strip() for key, _, value in rows}
            return PyvenvSettings(follow_links(tree, folder.rpartition("/")[0] or "/") or folder, values)
    return None
