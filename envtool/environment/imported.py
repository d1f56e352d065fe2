"""What `import torch` finds on a search path, told from files alone.

Source: the Python documentation, "The import system", 5.3 and 5.5: in each folder a package comes before an extension
module, and that before a module; folders without `__init__` count only where no folder has the name.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from envtool.environment.file_tree import FileTree, follow_links, has_file, list_folder, read_tree_text
from envtool.language import join_listed, tell
from envtool.release.read_profile import load_default_profile
from envtool.wheel.requires import normalize_name

if TYPE_CHECKING:
    from envtool.environment.started_python import ImportFolder

# What Python reads as a folder on its search path.
ARCHIVES = (".zip", ".egg", ".whl", ".pyz", ".pex")
_RECORDS = re.compile(r"^([A-Za-z0-9][\w.]*)-([^/-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)$")
_VERSION_TEXT = re.compile(r"^__version__\s*(?::\s*\w+\s*)?=\s*[\"']([^\"']+)[\"']", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class ImportedModule:
    """What an import finds: its path, with links and without, and the folder of the search path that has it.

    `versions` are what records beside it name; `stated_version` and `release` are what its own `version.py` says.
    """

    name: str
    path: str
    real_path: str
    folder: ImportFolder
    versions: tuple[str, ...]
    stated_version: str = ""
    release: str = ""

    @property
    def site(self) -> str:
        """The folder that really holds it."""
        return self.real_path.rpartition("/")[0]

    @property
    def version(self) -> str:
        """For a person: what records name, else what it says itself."""
        return join_listed(self.versions) or self.stated_version or tell("a copy without records")


@lru_cache(maxsize=1)
def _make_release_pattern() -> re.Pattern[str]:
    """How the vendor's `version.py` tells the release: by the word of the label."""
    label = re.escape(load_default_profile().label or "release")
    return re.compile(rf"^{label}\s*(?::\s*\w+\s*)?=\s*[\"']([^\"']+)[\"']", re.MULTILINE)


def find_import(tree: FileTree, folders: Iterable[ImportFolder], name: str) -> ImportedModule | None:
    """What `import name` finds; `None` where it finds nothing but folders without `__init__`."""
    for folder in folders:
        path = _find_in_folder(tree, folder.path, name)
        if path is None:
            continue
        real_path = follow_links(tree, path) or path
        text = read_tree_text(tree, f"{path}/version.py") or ""
        stated, release = _VERSION_TEXT.search(text), _make_release_pattern().search(text)
        return ImportedModule(
            name=name,
            path=path,
            real_path=real_path,
            folder=folder,
            versions=_read_versions(tree, folder.path, name),
            stated_version=stated[1] if stated else "",
            release=release[1] if release else "",
        )
    return None


def _find_in_folder(tree: FileTree, folder: str, name: str) -> str | None:
    if folder.endswith(ARCHIVES) and has_file(tree, folder):
        archived = _list_archived(tree, folder)
        found = next(
            (entry for entry in (f"{name}/__init__.py", f"{name}.py") if archived & {entry, f"{entry}c"}), None
        )
        return f"{folder}/{found.removesuffix('/__init__.py')}" if found is not None else None
    names = list_folder(tree, folder)
    if name in names:
        inside = list_folder(tree, f"{folder}/{name}")
        if any(_is_module(entry, "__init__") for entry in inside):
            return f"{folder}/{name}"
    for pattern in (rf"{name}(?:\.[\w-]+)*\.so", rf"{name}\.pyc?"):
        found = next((entry for entry in names if re.fullmatch(pattern, entry)), None)
        if found is not None and has_file(tree, f"{folder}/{found}"):
            return f"{folder}/{found}"
    return None


def _list_archived(tree: FileTree, path: str) -> frozenset[str]:
    """The names in an archive on the search path, which Python reads as a folder (module `zipimport`)."""
    real = follow_links(tree, path)
    data = tree.read(real) if real is not None else None
    try:
        with zipfile.ZipFile(io.BytesIO(data or b"")) as archive:
            return frozenset(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return frozenset()


def _is_module(entry: str, name: str) -> bool:
    return entry in {f"{name}.py", f"{name}.pyc"} or (entry.startswith(f"{name}.") and entry.endswith(".so"))


def _read_versions(tree: FileTree, folder: str, name: str) -> tuple[str, ...]:
    matches = (_RECORDS.match(entry) for entry in list_folder(tree, folder))
    return tuple(sorted({match[2] for match in matches if match and normalize_name(match[1]) == name}))
