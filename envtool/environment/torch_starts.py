"""Which torch the `python` of an image imports, and which one its command does: the question that everything asks.

The same answer serves the doctor, `verify --static`, `blame` and the guard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from envtool.environment.imported import ImportedModule, find_import
from envtool.environment.jupyter_kernels import list_kernels
from envtool.environment.start_command import find_command_start, find_service_starts
from envtool.environment.started_python import StartedPython, StartSettings, find_started_python
from envtool.language import tell
from envtool.release.profile import TORCH
from envtool.release.version import parse_vendor_version

if TYPE_CHECKING:
    from envtool.environment.file_tree import FileTree
    from envtool.release.pin import VendorPin


class StartWay(Enum):
    """By what a Python is started: for a person, after "in"."""

    PYTHON = "`python`"
    COMMAND = tell("the image's command")
    LOGIN_SHELL = tell("a login shell")
    TYPED_SHELL = tell("an interactive shell")
    SERVICE = tell("a service of the image's command")
    KERNEL = tell("the Jupyter kernel `python3`")
    OTHER_KERNEL = tell("another Jupyter kernel")


_SHELLS = {StartWay.LOGIN_SHELL: ("bash", "-l"), StartWay.TYPED_SHELL: ("bash", "-i")}


@dataclass(frozen=True, kw_only=True)
class TorchStart:
    """A way in which the image starts Python, and the torch that is imported then.

    `source` is the file that describes it, where one does: of a service or a kernel.
    """

    settings: StartSettings
    way: StartWay
    python: StartedPython | None
    module: ImportedModule | None
    source: str = ""

    @property
    def is_command(self) -> bool:
        """Whether something else stands before `python`: ENTRYPOINT and CMD, or a shell that reads its settings."""
        return self.way is not StartWay.PYTHON

    @property
    def is_shell(self) -> bool:
        """Whether it is a shell that nobody gave a command."""
        return self.way in _SHELLS

    @property
    def is_lost(self) -> bool:
        """Whether no torch can be imported, which for a command is no question of torch's."""
        return self.module is None and not self.is_command


def list_torch_starts(
    tree: FileTree,
    variables: Mapping[str, str],
    command: Sequence[str] = (),
    folder: str = "/",
    *,
    with_shells: bool = False,
) -> Iterator[TorchStart]:
    """What `python` would import, and what the command's Python would, where that is another start.

    `with_shells`: and a shell's, where what it reads as it starts makes it another torch, and a notebook's.
    """
    plain = _start(tree, StartSettings(variables=variables, folder=folder), StartWay.PYTHON)
    yield plain
    settings = find_command_start(tree, command, variables, folder) if command else None
    if settings is not None:
        yield _start(tree, settings, StartWay.COMMAND)
    for service, source in find_service_starts(tree, command, variables, folder) if command else ():
        yield _start(tree, service, StartWay.SERVICE, source)
    if with_shells and plain.python is not None:
        yield from _list_kernel_starts(tree, plain, plain.python.prefix)
    for way, words in _SHELLS.items() if with_shells else ():
        settings = find_command_start(tree, words, variables, folder)
        start = _start(tree, settings, way) if settings is not None else plain
        is_other = start.module is not None and (plain.module is None or start.module.path != plain.module.path)
        if is_other and _adds_to(plain, start):
            yield start


def _list_kernel_starts(tree: FileTree, plain: TorchStart, prefix: str) -> Iterator[TorchStart]:
    """What notebooks import. Whoever picks another environment's kernel by its name means that environment."""
    variables = plain.settings.variables
    for kernel in list_kernels(tree, variables, prefix):
        settings = find_command_start(tree, kernel.words, {**variables, **kernel.variables}, "")
        if settings is None:
            continue
        start = _start(tree, settings, StartWay.KERNEL if kernel.is_default else StartWay.OTHER_KERNEL, kernel.path)
        if kernel.is_default or (start.python is not None and start.python.prefix == prefix):
            yield start


def _adds_to(plain: TorchStart, shell: TorchStart) -> bool:
    """Whether a shell finds a Python, or modules, where `python` would not look.

    That a login shell only sets PATH anew, and so finds what comes behind, is what every distribution's does.
    """
    before, after = plain.settings.variables, shell.settings.variables
    names = {name for name in {*before, *after} if name.startswith("PYTHON")}
    if any(before.get(name) != after.get(name) for name in names) or shell.python is None:
        return True
    return shell.python.program.rpartition("/")[0] not in before.get("PATH", "").split(":")


def _start(tree: FileTree, settings: StartSettings, way: StartWay, source: str = "") -> TorchStart:
    python = find_started_python(tree, settings)
    module = find_import(tree, python.search_path, TORCH) if python is not None else None
    return TorchStart(settings=settings, way=way, python=python, module=module, source=source)


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
