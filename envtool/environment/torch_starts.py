"""Which torch the `python` of an image imports, and which one its command does: the question that everything asks.

The same answer serves the doctor, `verify --static`, `blame` and the guard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.environment.file_tree import read_tree_text
from envtool.environment.imported import ImportedModule, find_import
from envtool.environment.start_command import find_command_start
from envtool.environment.started_python import StartedPython, StartSettings, find_started_python
from envtool.release.profile import TORCH
from envtool.release.version import parse_vendor_version

if TYPE_CHECKING:
    from envtool.environment.file_tree import FileTree
    from envtool.release.pin import VendorPin


@dataclass(frozen=True, kw_only=True)
class TorchStart:
    """A way in which the image starts Python, and the torch that is imported then.

    `is_command`: by ENTRYPOINT and CMD, else by `python` on PATH.
    """

    settings: StartSettings
    is_command: bool
    python: StartedPython | None
    module: ImportedModule | None

    @property
    def is_lost(self) -> bool:
        """Whether no torch can be imported, which for a command is no question of torch's."""
        return self.module is None and not self.is_command


def list_torch_starts(
    tree: FileTree, variables: Mapping[str, str], command: Sequence[str] = (), folder: str = "/"
) -> Iterator[TorchStart]:
    """What `python` would import, and what the command's Python would, where that is another start."""
    yield _start(tree, StartSettings(variables=variables), is_command=False)
    settings = find_command_start(tree, command, variables, folder) if command else None
    if settings is not None:
        yield _start(tree, settings, is_command=True)


def _start(tree: FileTree, settings: StartSettings, *, is_command: bool) -> TorchStart:
    python = find_started_python(tree, settings)
    module = find_import(tree, python.search_path, TORCH) if python is not None else None
    return TorchStart(settings=settings, is_command=is_command, python=python, module=module)


def find_home(tree: FileTree, user: str) -> str:
    """The home folder of a user, by name or number (passwd(5)); engines set HOME to it."""
    name = user.partition(":")[0]
    rows = [line.split(":") for line in (read_tree_text(tree, "/etc/passwd") or "").splitlines()]
    found = next((row[5] for row in rows if len(row) > 5 and name in (row[0], row[2])), None)
    return found or ("/root" if name in {"0", "root"} else "/")


def is_pinned_build(module: ImportedModule, pin: VendorPin | None) -> bool:
    """Whether a module is the pinned build, by its records or, where it has none, by what it says itself."""
    if pin is None:
        return bool(module.release) or any(parse_vendor_version(version) for version in module.versions)
    expected = pin.find(module.name)
    if expected is None:
        return True
    if module.versions:
        return module.versions == (expected.version,)
    vendor = parse_vendor_version(expected.version, pin.profile)
    if vendor is None:
        return module.stated_version in {"", expected.version}
    return module.stated_version in {str(vendor.public), expected.version} and (
        module.release == str(vendor.release) or module.stated_version == expected.version
    )
