"""Staged trees → the layers of an image, and the bill of materials.

The first image of a family has four layers. A child has a layer for what its base has beyond its parent's, one for its
environment likewise, and one for its own files.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import envtool
from envtool.image.inputs.accounts import HOME
from envtool.image.inputs.base_layers import BASE_SELECTOR
from envtool.image.layers.layer_archive import LayerOwnership, write_layer
from envtool.image.layers.layer_diff import LowerLayers, write_layer_diff
from envtool.image.layers.layer_trees import CONFIGURATION_FOLDER, write_text
from envtool.image.layers.python_front import PYTHON_FRONT
from envtool.image.layers.staged_tree import StagedTree
from envtool.image.read.overlay import merge_layers
from envtool.image.sbom.document import SBOM_FOLDER, SbomSubject, render_sbom
from envtool.image.sbom.inventory import list_packages
from envtool.image.spec.table import CHECKS_FOLDER, ENVIRONMENT_PREFIX, ImageSpec
from envtool.wheel.layout import Layout

if TYPE_CHECKING:
    from envtool.image.graph import PlannedImage
    from envtool.image.inputs.fetch_inputs import BaseInput, Inputs
    from envtool.image.lock.lockfile import ImageLock
    from envtool.image.read.layer import LayerContents
    from envtool.release.pin import VendorPin

# The layers of the first image of a family, and of a child, in the order in which they lie on each other.
ENVIRONMENT_LAYER, VENDOR_LAYER, TOOL_LAYER = "10-environment.tar", "20-vendor.tar", "30-envtool.tar"
SYSTEM_LAYER = "40-system.tar"
CHILD_BASE_LAYER, CHILD_ENVIRONMENT_LAYER, CHILD_SYSTEM_LAYER = "50-base.tar", "60-environment.tar", "70-system.tar"
ENVIRONMENT_LAYERS = (ENVIRONMENT_LAYER, CHILD_ENVIRONMENT_LAYER)
# Folders of the image's user: pip and conda install there without root's rights. Their group is root's, which may
# do what the user may: platforms that give each container a number of its own (OpenShift) give it that group.
_USERS_FOLDERS = ("opt/conda", str(HOME.relative_to("/")))


@dataclass(frozen=True)
class WrittenLayer:
    """A layer's archive, and what `BASE_SELECTOR` selects of it."""

    path: Path
    contents: LayerContents


def write_tree(
    tree: StagedTree, target: Path, member: PlannedImage, base: BaseInput, lower: Sequence[Path] = ()
) -> WrittenLayer:
    """Archive what a staged tree has beyond the layers `lower`, and delete the tree."""
    owner = LayerOwnership(base.accounts.uid, 0, _USERS_FOLDERS)
    with LowerLayers.opened(lower) as known:
        made = write_layer(tree, target, member.spec.epoch, owner, known=known, interest=BASE_SELECTOR)
    shutil.rmtree(tree.root, ignore_errors=True)
    return WrittenLayer(target, made)


def write_child_base(lower: Path, base: Path, target: Path) -> WrittenLayer:
    """Write what a child's base has beyond its parent's."""
    return WrittenLayer(target, write_layer_diff(lower, base, target, BASE_SELECTOR))


def stage_system(member: PlannedImage, inputs: Inputs, bill: str, folder: Path) -> StagedTree:
    """The last layer of the first image: programs, settings, accounts, the recipe's own files."""
    root = folder / "root"
    for name, path in inputs.programs.items():
        target = root / "usr/local/bin" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)
    write_text(root / CONFIGURATION_FOLDER / "guard.conf", _render_guard_settings(member.spec, member.lock.pin))
    site = root / Layout.below(ENVIRONMENT_PREFIX, member.spec.python).site_packages.relative_to("/")
    for name, text in PYTHON_FRONT.items():
        write_text(site / name, text)
    (root / HOME.relative_to("/")).mkdir(parents=True)
    _write_accounts(inputs, root)
    _copy_own_files(member, bill, root)
    return StagedTree(root)


def stage_child_system(member: PlannedImage, inputs: Inputs, bill: str, folder: Path) -> StagedTree:
    """The last layer of a child: the recipe's own files."""
    root = folder / "root"
    if member.spec.has_own_base:
        # The layer of the base has account files without the user.
        _write_accounts(inputs, root)
    _copy_own_files(member, bill, root)
    return StagedTree(root)


def _write_accounts(inputs: Inputs, root: Path) -> None:
    for name, text in inputs.base.accounts.files.items():
        write_text(root / name, text)


def _copy_own_files(member: PlannedImage, bill: str, root: Path) -> None:
    """Copy the recipe's files, and write what the image is and what it contains."""
    spec = member.spec
    for folder in spec.folders("rootfs"):
        shutil.copytree(folder, root, dirs_exist_ok=True, symlinks=True)
    for folder in spec.folders("checks"):
        shutil.copytree(folder, root / CHECKS_FOLDER, dirs_exist_ok=True)
    write_text(root / CONFIGURATION_FOLDER / "image.toml", _make_identity(spec, member.lock))
    write_text(root / SBOM_FOLDER / f"{spec.name}.cdx.json", bill)


def render_bill(member: PlannedImage, inputs: Inputs, layers: Iterable[WrittenLayer]) -> str:
    """The bill of materials: the packages in the base and in all layers but the last."""
    spec, lock = member.spec, member.lock
    read = [*inputs.base.layers, *(layer.contents for layer in layers)]
    names = frozenset(item.name for item in lock.pin.distributions) if lock.pin.stand_in else frozenset()
    subject = SbomSubject(spec.name, f"{envtool.__version__}-{spec.release}", spec.epoch, names)
    return render_sbom(list_packages(merge_layers(read).entries), subject)


def _render_guard_settings(spec: ImageSpec, pin: VendorPin) -> str:
    layout = Layout.below(ENVIRONMENT_PREFIX, spec.python)
    return (
        "# Read by hac-shell and hac-start: where the environment is that they look after, and the torch that it has.\n"
        f"hac_prefix={ENVIRONMENT_PREFIX}\n"
        f"hac_site={layout.site_packages}\n"
        f"hac_torch={pin.torch.version}\n"
        f"hac_release={pin.version.release}\n"
        f"hac_user_site=.local/lib/{layout.interpreter.name}/site-packages\n"
    )


def _make_identity(spec: ImageSpec, lock: ImageLock) -> str:
    import tomlkit

    return tomlkit.dumps(
        {"image": spec.name, "release": spec.release, "lock": lock.checksum(), "stand-in": lock.pin.stand_in}
    )
