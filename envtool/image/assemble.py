"""Inputs → the image's layers: each a folder tree staged on this machine and archived.

The first of a family has four. A child has what its base and its environment have and its parent's have not, and its
own files.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import envtool
from envtool.errors import BuildError
from envtool.image.accounts import HOME
from envtool.image.apart import apart
from envtool.image.base_layers import local_layer
from envtool.image.bytecode import compiled
from envtool.image.conda_pins import CONDA_PINS, conda_pins
from envtool.image.conda_prefix import link_packages
from envtool.image.difference import Known, write_difference
from envtool.image.family import Member
from envtool.image.inputs import Inputs, Progress
from envtool.image.layer import Ownership, write_layer
from envtool.image.lock import ImageLock
from envtool.image.sbom.document import SBOM_FOLDER, Subject, render_sbom
from envtool.image.sbom.inventory import inventory
from envtool.image.spec import CHECKS_FOLDER, ENVIRONMENT_PREFIX, TOOL_PREFIX, ImageSpec
from envtool.image.stored.overlay import final_overlay
from envtool.image.tool import run
from envtool.image.tree import Packed, Tree
from envtool.image.wheel_files import install_wheels, unpack_wheels
from envtool.image.wheels import PYTHON as TOOL_PYTHON
from envtool.install.layout import Layout
from envtool.vendor.pin import PIN_FILE, render_pin
from envtool.vendor.store import IMAGE_STORE, FileStore
from envtool.vendor.wheel import StoredWheel, WheelName, sha256_of

# Below a build context: the layers, the bill of materials beside the Dockerfile, and the base that children's are told
# from.
LAYERS = "layers"
SBOM_FILE = "sbom.cdx.json"
WHOLE_BASE = Path("base/base.tar")
# The layers that have an environment, or what a child's has beyond its parent's.
_ENVIRONMENT, _FURTHER_ENVIRONMENT = "10-environment.tar", "60-environment.tar"
CONFIGURATION_FOLDER = Path("etc/hac")
WHEELS_FOLDER = Path("opt/hac/wheels")
# What belongs to the image's user: pip and conda install there without being root.
_USERS_FOLDERS = ("opt/conda", str(HOME.relative_to("/")))
# Lays out what a layer has in a folder, and returns what is packed of it; a second folder is for what that lies in.
Stage = Callable[[Path, Path], Mapping[str, Packed] | None]
# Steps that do not need each other, and may be taken at once.
Group = list[Callable[[], None]]


def assemble(
    member: Member, inputs: Inputs, context: Path, progress: Progress, parent_ready: Callable[[], None]
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
    with tempfile.TemporaryDirectory(prefix="hac-rattler-") as cache:
        unpacked = Path(cache)
        if parent is None:
            groups = _first(member, inputs, context, unpacked)
        else:
            groups = _child(_Child(member, parent, parent_ready), inputs, context, unpacked)
        count = sum(len(group) for group in groups)
        progress("layers", 0, count)
        for group in groups:
            with ThreadPoolExecutor(len(group)) as pool:
                for _done in pool.map(lambda stage: stage(), group):
                    progress("layers", 1, count)


def _first(member: Member, inputs: Inputs, context: Path, cache: Path) -> list[Group]:
    spec, lock = member.spec, member.lock
    owner = Ownership(inputs.accounts.uid, inputs.accounts.gid, _USERS_FOLDERS)

    def layer(name: str, stage: Stage) -> Callable[[], None]:
        return lambda: _archive(stage, context / LAYERS / name, spec.epoch, owner)

    return [
        [
            layer(_ENVIRONMENT, lambda root, beside: _environment(spec, inputs, root, beside, cache)),
            layer("20-vendor.tar", lambda root, _beside: _vendor(spec, lock, inputs, root)),
            layer("30-envtool.tar", lambda root, beside: _tool(spec, inputs, root, beside, cache)),
        ],
        # The bill of materials tells what is in the others.
        [layer("40-system.tar", lambda root, _beside: _system(member, inputs, root, context))],
    ]


@dataclass(frozen=True)
class _Child:
    """A member and its parent, whose context may be under way."""

    member: Member
    parent: Member
    parent_ready: Callable[[], None]

    def lower(self) -> tuple[Path, ...]:
        """The layers of the parent's environment, once they are there."""
        self.parent_ready()
        return _environment_layers(self.parent)


def _child(child: _Child, inputs: Inputs, context: Path, cache: Path) -> list[Group]:
    spec, layers = child.member.spec, context / LAYERS
    owner = Ownership(inputs.accounts.uid, inputs.accounts.gid, _USERS_FOLDERS)

    def base() -> None:
        if inputs.base is not None and spec.has_own_base:
            child.parent_ready()
            apart(write_difference, child.parent.folder / WHOLE_BASE, inputs.base, layers / "50-base.tar")

    def further(root: Path, beside: Path) -> Mapping[str, Packed]:
        if spec.has_own_environment:
            return _environment(spec, inputs, root, beside, cache)
        return _further_environment(spec, inputs, root, beside, cache)

    def environment() -> None:
        if spec.has_own_environment or spec.requirements_file is not None:
            _archive(further, layers / _FURTHER_ENVIRONMENT, spec.epoch, owner, child.lower)

    def own_files(root: Path, _beside: Path) -> None:
        child.parent_ready()
        _child_system(child.member, inputs, root, context)

    def system() -> None:
        _archive(own_files, layers / "70-system.tar", spec.epoch, owner)

    return [[base, environment], [system]]


def _environment_layers(member: Member) -> tuple[Path, ...]:
    """The layers that make up a member's environment, its ancestors' first."""
    if member.parent is None:
        return (member.folder / LAYERS / _ENVIRONMENT,)
    own = member.folder / LAYERS / _FURTHER_ENVIRONMENT
    return (*_environment_layers(member.parent), *((own,) if own.exists() else ()))


def _archive(
    stage: Stage,
    target: Path,
    epoch: int,
    owner: Ownership,
    lower: Callable[[], Sequence[Path]] = lambda: (),
) -> None:
    """Write what a stage lays out, but for what is in layers below already."""
    with tempfile.TemporaryDirectory(prefix=f"hac-{target.stem}-") as folder:
        root, beside = Path(folder) / "root", Path(folder) / "beside"
        root.mkdir()
        beside.mkdir()
        tree = Tree(root, stage(root, beside) or {})
        with Known.opened(lower()) as known:
            write_layer(tree, target, epoch, owner, known)


def _link(path: Path, target: Path) -> None:
    """The same file under another name, or where that cannot be, a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


def _environment(spec: ImageSpec, inputs: Inputs, root: Path, beside: Path, cache: Path) -> Mapping[str, Packed]:
    """The environment from its packages."""
    link_packages(inputs.conda, root, ENVIRONMENT_PREFIX, cache)
    return _with_bytecode(inputs.requirements, root, beside, ENVIRONMENT_PREFIX, spec.python)


def _further_environment(
    spec: ImageSpec, inputs: Inputs, root: Path, beside: Path, cache: Path
) -> Mapping[str, Packed]:
    """What is installed on top of the parent's environment, which need not be there yet."""
    layout = Layout.below(ENVIRONMENT_PREFIX, spec.python)
    # The parent's packages once more are there sooner than its layers.
    link_packages(inputs.conda, beside / "parent", ENVIRONMENT_PREFIX, cache)
    interpreter = beside / "parent" / layout.interpreter.relative_to("/")
    packed = install_wheels(inputs.requirements, layout, root)
    return {**packed, **compiled(Tree(root, packed), ENVIRONMENT_PREFIX, spec.python, beside, interpreter)}


def _with_bytecode(
    wheels: tuple[StoredWheel, ...], root: Path, beside: Path, prefix: Path, python: tuple[int, int]
) -> Mapping[str, Packed]:
    """Install wheels into an environment, and compile it; what is packed of the result."""
    packed = install_wheels(wheels, Layout.below(prefix, python), root)
    return {**packed, **compiled(Tree(root, packed), prefix, python, beside)}


def _vendor(spec: ImageSpec, lock: ImageLock, inputs: Inputs, root: Path) -> None:
    layout = Layout.below(ENVIRONMENT_PREFIX, spec.python)
    unpack_wheels(inputs.vendor, layout, root)
    store = FileStore(root / IMAGE_STORE.relative_to("/"))
    for wheel in inputs.vendor:
        stored = store.add(wheel.path, expected=wheel.sha256)
        link = root / WHEELS_FOLDER / wheel.path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        # For --find-links: isolated builds, virtual environments and reinstalls take the vendor's from there.
        link.symlink_to(f"/{stored.relative_to(root)}")
    _write(root / ENVIRONMENT_PREFIX.relative_to("/") / PIN_FILE, render_pin(lock.pin))
    _write(root / CONFIGURATION_FOLDER / "constraints.txt", lock.pin.constraints())
    _write(root / ENVIRONMENT_PREFIX.relative_to("/") / CONDA_PINS, conda_pins(spec.python))


def _tool(spec: ImageSpec, inputs: Inputs, root: Path, beside: Path, cache: Path) -> Mapping[str, Packed]:
    link_packages(inputs.tool_conda, root, TOOL_PREFIX, cache)
    own = build_own_wheel(spec.project, beside, spec.epoch)
    packed = _with_bytecode((*inputs.wheels, own), root, beside, TOOL_PREFIX, TOOL_PYTHON)
    for name in ("envtool", "update-moreh"):
        _isolate(root / (TOOL_PREFIX / "bin" / name).relative_to("/"))
        link = root / "usr/local/bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(TOOL_PREFIX / "bin" / name)
    return packed


def _isolate(command: Path) -> None:
    """Have a command's interpreter ignore PYTHONPATH and the user site: what people install there must not break it."""
    first, newline, rest = command.read_text().partition("\n")
    command.write_text(f"{first} -I{newline}{rest}")


def build_own_wheel(project: Path, folder: Path, epoch: int) -> StoredWheel:
    """envtool's own wheel, built from the checkout without any network. Raises `BuildError`."""
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    run(command, folder=project, environment={"SOURCE_DATE_EPOCH": str(epoch)})
    built = next(folder.glob("*.whl"), None)
    if built is None:
        raise BuildError("envtool's own wheel was not built", why=f"hatchling left nothing in {folder}")
    return StoredWheel(WheelName.parse(built.name), built, sha256_of(built))


def _system(member: Member, inputs: Inputs, root: Path, context: Path) -> None:
    for name, path in inputs.programs.items():
        target = root / "usr/local/bin" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)
    _write(root / CONFIGURATION_FOLDER / "guard.conf", _guard_settings(member.spec))
    (root / HOME.relative_to("/")).mkdir(parents=True)
    _accounts(inputs, root)
    _own_files(member, inputs, root, context)


def _child_system(member: Member, inputs: Inputs, root: Path, context: Path) -> None:
    if member.spec.has_own_base:
        # The base's own, without the user, came with what its packages added.
        _accounts(inputs, root)
    _own_files(member, inputs, root, context)


def _accounts(inputs: Inputs, root: Path) -> None:
    for name, text in inputs.accounts.files.items():
        _write(root / name, text)


def _own_files(member: Member, inputs: Inputs, root: Path, context: Path) -> None:
    """What each image of a family has of its own: its recipe's files, what it is and what is in it."""
    spec = member.spec
    for folder in spec.folders("rootfs"):
        shutil.copytree(folder, root, dirs_exist_ok=True, symlinks=True)
    for folder in spec.folders("checks"):
        shutil.copytree(folder, root / CHECKS_FOLDER, dirs_exist_ok=True)
    _write(root / CONFIGURATION_FOLDER / "image.toml", _identity(spec, member.lock))
    bill = _bill_of_materials(member, inputs, context)
    _write(root / SBOM_FOLDER / f"{spec.name}.cdx.json", bill)
    _write(context / SBOM_FILE, bill)


def _bill_of_materials(member: Member, inputs: Inputs, context: Path) -> str:
    """What the base and the layers before this one have."""
    spec, lock = member.spec, member.lock
    read = [*inputs.base_layers, *(local_layer(path) for path in _archives(member, context))]
    names = frozenset(item.name for item in lock.pin.distributions) if lock.pin.stand_in else frozenset()
    subject = Subject(spec.name, f"{envtool.__version__}-{spec.release}", spec.epoch, names)
    return render_sbom(inventory(final_overlay(read).entries), subject)


def _archives(member: Member, context: Path) -> Iterator[Path]:
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


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
