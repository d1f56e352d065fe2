"""Inputs → the image's layers: each a folder tree staged on this machine and archived.

The first of a family has four. A child has what its base and its environment have and its parent's have not, and its
own files.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import envtool
from envtool.image.graph import PlannedImage
from envtool.image.inputs.accounts import HOME
from envtool.image.inputs.base_layers import base_interest, local_layer
from envtool.image.inputs.fetch_inputs import Inputs
from envtool.image.layers.layer_archive import LayerOwnership, write_layer
from envtool.image.layers.layer_diff import LowerLayers, write_layer_diff
from envtool.image.layers.layer_trees import (
    CONFIGURATION_FOLDER,
    LayerStage,
    further_environment,
    tool,
    vendor,
    whole_environment,
    write_text,
)
from envtool.image.layers.staged_tree import StagedTree
from envtool.image.lock.lockfile import ImageLock
from envtool.image.read.overlay import merge_layers
from envtool.image.run_in_process import run_in_process
from envtool.image.sbom.document import SBOM_FOLDER, SbomSubject, render_sbom
from envtool.image.sbom.inventory import list_packages
from envtool.image.spec.table import CHECKS_FOLDER, ENVIRONMENT_PREFIX, ImageSpec
from envtool.progress import Progress
from envtool.wheel.layout import Layout

# Below a build context: the layers, the bill of materials beside the Dockerfile, and the base that children's are told
# from.
LAYERS = "layers"
SBOM_FILE = "sbom.cdx.json"
WHOLE_BASE = Path("base/base.tar")
# The layers that have an environment, or what a child's has beyond its parent's.
_ENVIRONMENT, _FURTHER_ENVIRONMENT = "10-environment.tar", "60-environment.tar"
# What belongs to the image's user: pip and conda install there without being root.
_USERS_FOLDERS = ("opt/conda", str(HOME.relative_to("/")))
# Steps that do not need each other, and may be taken at once.
Group = list[Callable[[], None]]


def assemble(
    member: PlannedImage, inputs: Inputs, context: Path, progress: Progress, parent_ready: Callable[[], None]
) -> None:
    """Write the layers of a context, what changes least first.

    Those of its ancestors are there once `parent_ready` returns, which may be called from any thread and any number of
    times. Raises `BuildError`, `SourceError`.
    """
    layers = context / LAYERS
    layers.mkdir()
    if inputs.base is not None:
        _link(inputs.base, context / WHOLE_BASE)
    parent = member.parent
    if parent is None:
        groups = _first(member, inputs, context)
    else:
        groups = _child(_Child(member, parent, parent_ready), inputs, context)
    count = sum(len(group) for group in groups)
    progress("layers", 0, count)
    for group in groups:
        with ThreadPoolExecutor(len(group)) as pool:
            for _done in pool.map(lambda stage: stage(), group):
                progress("layers", 1, count)


def _first(member: PlannedImage, inputs: Inputs, context: Path) -> list[Group]:
    spec, lock = member.spec, member.lock
    owner = LayerOwnership(inputs.accounts.uid, inputs.accounts.gid, _USERS_FOLDERS)

    def layer(name: str, stage: LayerStage) -> Callable[[], None]:
        return lambda: _archive(stage, context / LAYERS / name, spec.epoch, owner)

    return [
        [
            layer(_ENVIRONMENT, lambda folder: whole_environment(spec, inputs, folder)),
            layer("20-vendor.tar", lambda folder: vendor(spec, lock.pin, inputs, folder)),
            layer("30-envtool.tar", lambda folder: tool(spec, inputs, folder)),
        ],
        # The bill of materials tells what is in the others.
        [layer("40-system.tar", lambda folder: _system(member, inputs, folder, context))],
    ]


@dataclass(frozen=True)
class _Child:
    """A member and its parent, whose context may be under way."""

    member: PlannedImage
    parent: PlannedImage
    parent_ready: Callable[[], None]

    def lower(self) -> tuple[Path, ...]:
        """The layers of the parent's environment, once they are there."""
        self.parent_ready()
        return _environment_layers(self.parent)

    def lower_base(self, inputs: Inputs) -> Path:
        """The parent's base, which is in the store before the parent's context is there."""
        if inputs.lower_base is not None:
            return inputs.lower_base
        self.parent_ready()
        return self.parent.folder / WHOLE_BASE


def _child(child: _Child, inputs: Inputs, context: Path) -> list[Group]:
    spec, layers = child.member.spec, context / LAYERS
    owner = LayerOwnership(inputs.accounts.uid, inputs.accounts.gid, _USERS_FOLDERS)

    def base() -> None:
        if inputs.base is not None and spec.has_own_base:
            target = layers / "50-base.tar"
            made = run_in_process(write_layer_diff, child.lower_base(inputs), inputs.base, target, base_interest)
            local_layer.remember(target, made)

    def environment() -> None:
        if spec.has_own_environment or spec.requirements_file is not None:
            laid_out = whole_environment if spec.has_own_environment else further_environment
            _archive(partial(laid_out, spec, inputs), layers / _FURTHER_ENVIRONMENT, spec.epoch, owner, child.lower)

    def system() -> None:
        child.parent_ready()
        stage = partial(_child_system, child.member, inputs, context=context)
        _archive(stage, layers / "70-system.tar", spec.epoch, owner)

    return [[base, environment], [system]]


def _environment_layers(member: PlannedImage) -> tuple[Path, ...]:
    """The layers that make up a member's environment, its ancestors' first."""
    if member.parent is None:
        return (member.folder / LAYERS / _ENVIRONMENT,)
    own = member.folder / LAYERS / _FURTHER_ENVIRONMENT
    return (*_environment_layers(member.parent), *((own,) if own.exists() else ()))


def _archive(
    stage: LayerStage,
    target: Path,
    epoch: int,
    owner: LayerOwnership,
    lower: Callable[[], Sequence[Path]] = lambda: (),
) -> None:
    """Write what a stage lays out, but for what is in layers below already."""
    with tempfile.TemporaryDirectory(prefix=f"hac-{target.stem}-") as folder, stage(Path(folder)) as tree:
        with LowerLayers.opened(lower()) as known:
            made = write_layer(tree, target, epoch, owner, known=known, interest=base_interest())
    local_layer.remember(target, made)


def _link(path: Path, target: Path) -> None:
    """The same file under another name, or where that cannot be, a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


@contextmanager
def _system(member: PlannedImage, inputs: Inputs, folder: Path, context: Path) -> Iterator[StagedTree]:
    root = folder / "root"
    for name, path in inputs.programs.items():
        target = root / "usr/local/bin" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)
    write_text(root / CONFIGURATION_FOLDER / "guard.conf", _guard_settings(member.spec))
    (root / HOME.relative_to("/")).mkdir(parents=True)
    _accounts(inputs, root)
    _own_files(member, inputs, root, context)
    yield StagedTree(root)


@contextmanager
def _child_system(member: PlannedImage, inputs: Inputs, folder: Path, context: Path) -> Iterator[StagedTree]:
    root = folder / "root"
    if member.spec.has_own_base:
        # The base's own, without the user, came with what its packages added.
        _accounts(inputs, root)
    _own_files(member, inputs, root, context)
    yield StagedTree(root)


def _accounts(inputs: Inputs, root: Path) -> None:
    for name, text in inputs.accounts.files.items():
        write_text(root / name, text)


def _own_files(member: PlannedImage, inputs: Inputs, root: Path, context: Path) -> None:
    """What each image of a family has of its own: its recipe's files, what it is and what is in it."""
    spec = member.spec
    for folder in spec.folders("rootfs"):
        shutil.copytree(folder, root, dirs_exist_ok=True, symlinks=True)
    for folder in spec.folders("checks"):
        shutil.copytree(folder, root / CHECKS_FOLDER, dirs_exist_ok=True)
    write_text(root / CONFIGURATION_FOLDER / "image.toml", _identity(spec, member.lock))
    bill = _bill_of_materials(member, inputs, context)
    write_text(root / SBOM_FOLDER / f"{spec.name}.cdx.json", bill)
    write_text(context / SBOM_FILE, bill)


def _bill_of_materials(member: PlannedImage, inputs: Inputs, context: Path) -> str:
    """What the base and the layers before this one have."""
    spec, lock = member.spec, member.lock
    read = [*inputs.base_layers, *(local_layer(path) for path in _archives(member, context))]
    names = frozenset(item.name for item in lock.pin.distributions) if lock.pin.stand_in else frozenset()
    subject = SbomSubject(spec.name, f"{envtool.__version__}-{spec.release}", spec.epoch, names)
    return render_sbom(list_packages(merge_layers(read).entries), subject)


def _archives(member: PlannedImage, context: Path) -> Iterator[Path]:
    """The layers that an image has on its base so far, its ancestors' first."""
    if member.parent is not None:
        yield from _archives(member.parent, member.parent.folder)
    yield from sorted((context / LAYERS).glob("*.tar"))


def _guard_settings(spec: ImageSpec) -> str:
    layout = Layout.below(ENVIRONMENT_PREFIX, spec.python)
    return "\n".join(
        [
            "# Read by hac-shell: where the environment is that it looks after.",
            f"hac_prefix={ENVIRONMENT_PREFIX}",
            f"hac_site={layout.site_packages}",
            f"hac_user_site=.local/lib/{layout.interpreter.name}/site-packages",
            "",
        ]
    )


def _identity(spec: ImageSpec, lock: ImageLock) -> str:
    import tomlkit

    return tomlkit.dumps(
        {"image": spec.name, "release": spec.release, "lock": lock.checksum(), "stand-in": lock.pin.stand_in}
    )
