"""Lays out the layers that have programs and distributions, each as a folder tree on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.environment.conda_pins import CONDA_PINS, render_conda_pins
from envtool.errors import BuildError
from envtool.image.layers.bytecode import compile_tree
from envtool.image.layers.conda_prefix import link_packages
from envtool.image.layers.staged_tree import StagedTree
from envtool.image.layers.staged_wheels import install_wheels, unpack_wheels
from envtool.image.pip_program import TOOL_PYTHON
from envtool.image.run_program import run
from envtool.image.spec.table import ENVIRONMENT_PREFIX, TOOL_PREFIX, ImageSpec
from envtool.language import tell
from envtool.release.pin import PIN_FILE, VendorPin, render_pin
from envtool.release.read_profile import load_service
from envtool.wheel.layout import Layout
from envtool.wheel.name import StoredWheel, WheelName, compute_sha256
from envtool.wheel.store import IMAGE_STORE, FileStore

if TYPE_CHECKING:
    from envtool.image.inputs.fetch_inputs import Inputs
    from envtool.image.lock.conda_lock import LockedPackage

CONFIGURATION_FOLDER = Path("etc/hac")
WHEELS_FOLDER = Path("opt/hac/wheels")


def link_environment(conda: Mapping[LockedPackage, Path], prefix: Path, folder: Path, cache: Path) -> Path:
    """Link an environment's conda packages below `folder`. The links must never be written to."""
    link_packages(conda, folder, prefix, cache)
    return folder


def stage_environment(spec: ImageSpec, inputs: Inputs, packages: Path, folder: Path) -> StagedTree:
    """The whole environment: its conda packages, and the wheels on top of them."""
    tree = _install_wheels(inputs.requirements, Layout.below(ENVIRONMENT_PREFIX, spec.python), folder)
    return _add_bytecode(replace(tree, lower=packages), ENVIRONMENT_PREFIX, spec.python, folder, packages)


def stage_requirements(spec: ImageSpec, inputs: Inputs, packages: Path, folder: Path) -> StagedTree:
    """The wheels alone, for a child whose conda packages are its parent's."""
    tree = _install_wheels(inputs.requirements, Layout.below(ENVIRONMENT_PREFIX, spec.python), folder)
    return _add_bytecode(tree, ENVIRONMENT_PREFIX, spec.python, folder, packages)


def stage_vendor(spec: ImageSpec, pin: VendorPin, inputs: Inputs, folder: Path) -> StagedTree:
    """The vendor's distributions, their wheels, and what holds them in place."""
    root = folder / "root"
    root.mkdir()
    unpack_wheels(inputs.vendor, Layout.below(ENVIRONMENT_PREFIX, spec.python), root)
    store = FileStore(root / IMAGE_STORE.relative_to("/"))
    for wheel in inputs.vendor:
        stored = store.add(wheel.path, expected=wheel.sha256)
        link = root / WHEELS_FOLDER / wheel.path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        # For --find-links: isolated builds, virtual environments and reinstalls find the vendor's wheels there.
        link.symlink_to(f"/{stored.relative_to(root)}")
    write_text(root / ENVIRONMENT_PREFIX.relative_to("/") / PIN_FILE, render_pin(pin))
    write_text(root / CONFIGURATION_FOLDER / "constraints.txt", pin.render_constraints())
    write_text(root / ENVIRONMENT_PREFIX.relative_to("/") / CONDA_PINS, render_conda_pins(spec.python))
    return StagedTree(root)


def stage_tool(spec: ImageSpec, inputs: Inputs, packages: Path, folder: Path) -> StagedTree:
    """envtool in an environment of its own."""
    own = build_own_wheel(spec.project, folder, spec.epoch)
    tree = _install_wheels((*inputs.wheels, own), Layout.below(TOOL_PREFIX, TOOL_PYTHON), folder)
    for name in ("envtool", load_service().update, "hac-guard"):
        _isolate(tree.root / (TOOL_PREFIX / "bin" / name).relative_to("/"))
    # hac-guard is not for people, so it is not on PATH.
    for name in ("envtool", load_service().update):
        link = tree.root / "usr/local/bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(TOOL_PREFIX / "bin" / name)
    return _add_bytecode(replace(tree, lower=packages), TOOL_PREFIX, TOOL_PYTHON, folder, packages)


def _install_wheels(wheels: Sequence[StoredWheel], layout: Layout, folder: Path) -> StagedTree:
    root = folder / "root"
    root.mkdir()
    return StagedTree(root, install_wheels(wheels, layout, root))


def _add_bytecode(tree: StagedTree, prefix: Path, python: tuple[int, int], folder: Path, packages: Path) -> StagedTree:
    """The tree with its bytecode, compiled by the interpreter of the linked packages."""
    interpreter = packages / Layout.below(prefix, python).interpreter.relative_to("/")
    target = folder / "bytecode"
    target.mkdir()
    return replace(tree, packed={**tree.packed, **compile_tree(tree, prefix, python, target, interpreter)})


def _isolate(command: Path) -> None:
    """Make a command ignore PYTHONPATH and the user site, so that what people install there cannot break it."""
    first, newline, rest = command.read_text().partition("\n")
    command.write_text(f"{first} -I{newline}{rest}")


def build_own_wheel(project: Path, folder: Path, epoch: int) -> StoredWheel:
    """envtool's own wheel, built from the checkout without any network. Raises `BuildError`."""
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    # Without man pages and completion: they are made by whatever Typer runs here, and the bytes would be too.
    run(command, folder=project, environment={"SOURCE_DATE_EPOCH": str(epoch), "HATCH_BUILD_NO_HOOKS": "true"})
    built = next(folder.glob("*.whl"), None)
    if built is None:
        raise BuildError(
            tell("envtool's own wheel was not built"), why=tell("hatchling left nothing in {folder}", folder=folder)
        )
    return StoredWheel(WheelName.parse(built.name), built, compute_sha256(built))


def write_text(path: Path, text: str) -> None:
    """Write a file of a layer, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
