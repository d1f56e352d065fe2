"""Inputs → the image's layers: each a folder tree staged on this machine and archived."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import envtool
from envtool.errors import BuildError
from envtool.image.conda_pins import CONDA_PINS, conda_pins
from envtool.image.conda_prefix import compile_bytecode, link_packages
from envtool.image.inputs import Inputs, Progress
from envtool.image.layer import write_layer
from envtool.image.lock import ImageLock
from envtool.image.sbom.document import SBOM_FOLDER, Subject, render_sbom
from envtool.image.sbom.inventory import inventory, sbom_wish
from envtool.image.spec import CHECKS_FOLDER, ENVIRONMENT_PREFIX, TOOL_PREFIX, ImageSpec
from envtool.image.stored.layer import Interest, read_layer
from envtool.image.stored.overlay import final_overlay
from envtool.image.tool import run
from envtool.image.tool_wheels import PYTHON as TOOL_PYTHON
from envtool.install.layout import Layout, stage_wheel
from envtool.install.unpack import read_contents
from envtool.vendor.pin import PIN_FILE, render_pin
from envtool.vendor.store import IMAGE_STORE, FileStore
from envtool.vendor.wheel import StoredWheel, WheelName, sha256_of

CONFIGURATION_FOLDER = Path("etc/hac")
# The image's bill of materials as it lies beside the Dockerfile.
SBOM_FILE = "sbom.cdx.json"
WHEELS_FOLDER = Path("opt/hac/wheels")


def assemble(spec: ImageSpec, lock: ImageLock, inputs: Inputs, folder: Path, progress: Progress) -> None:
    """Write the image's layers into `folder`, what changes least first. Raises `BuildError`, `SourceError`."""
    stages: tuple[tuple[str, Callable[[Path], None]], ...] = (
        ("10-environment", lambda root: _environment(spec, inputs, root)),
        ("20-vendor", lambda root: _vendor(spec, lock, inputs, root)),
        ("30-envtool", lambda root: _tool(spec, inputs, root)),
        ("40-system", lambda root: _system(spec, lock, inputs, root, folder)),
    )
    progress("layers", 0, len(stages))
    for name, stage in stages:
        with tempfile.TemporaryDirectory(prefix=f"hac-{name}-") as text:
            root = Path(text)
            stage(root)
            write_layer(root, folder / f"{name}.tar", spec.epoch)
        progress("layers", 1, len(stages))


def _environment(spec: ImageSpec, inputs: Inputs, root: Path) -> None:
    link_packages(inputs.conda, root, ENVIRONMENT_PREFIX)
    compile_bytecode(root, ENVIRONMENT_PREFIX, spec.python, spec.epoch)


def _vendor(spec: ImageSpec, lock: ImageLock, inputs: Inputs, root: Path) -> None:
    layout = Layout.below(ENVIRONMENT_PREFIX, spec.python)
    _install(inputs.vendor, layout, root)
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


def _install(wheels: tuple[StoredWheel, ...], layout: Layout, root: Path) -> None:
    """Install wheels below `root`, where nothing of theirs is yet."""
    with tempfile.TemporaryDirectory(prefix="hac-stage-", dir=root.parent) as scratch:
        for wheel in wheels:
            contents = read_contents(wheel)
            for step in stage_wheel(contents, layout, Path(scratch), requested=False, progress=lambda _bytes: None):
                target = root / step.final.relative_to("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.is_dir() and not target.is_symlink():
                    shutil.copytree(step.staged, target, dirs_exist_ok=True, symlinks=True)
                else:
                    step.staged.rename(target)


def _tool(spec: ImageSpec, inputs: Inputs, root: Path) -> None:
    link_packages(inputs.tool_conda, root, TOOL_PREFIX)
    with tempfile.TemporaryDirectory(prefix="hac-wheel-") as folder:
        own = build_own_wheel(spec.project, Path(folder), spec.epoch)
        _install((*inputs.wheels, own), Layout.below(TOOL_PREFIX, TOOL_PYTHON), root)
    compile_bytecode(root, TOOL_PREFIX, TOOL_PYTHON, spec.epoch)
    for name in ("envtool", "update-moreh"):
        _isolate(root / (TOOL_PREFIX / "bin" / name).relative_to("/"))
        link = root / "usr/local/bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(TOOL_PREFIX / "bin" / name)


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


def _system(spec: ImageSpec, lock: ImageLock, inputs: Inputs, root: Path, layers: Path) -> None:
    for folder in spec.folders("rootfs"):
        shutil.copytree(folder, root, dirs_exist_ok=True, symlinks=True)
    for folder in spec.folders("checks"):
        shutil.copytree(folder, root / CHECKS_FOLDER, dirs_exist_ok=True)
    for name, path in inputs.programs.items():
        target = root / "usr/local/bin" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)
    _write(root / CONFIGURATION_FOLDER / "guard.conf", _guard_settings(spec))
    _write(root / CONFIGURATION_FOLDER / "image.toml", _identity(spec, lock))
    bill = _bill_of_materials(spec, lock, inputs, layers)
    _write(root / SBOM_FOLDER / f"{spec.name}.cdx.json", bill)
    _write(layers.parent / SBOM_FILE, bill)


def _bill_of_materials(spec: ImageSpec, lock: ImageLock, inputs: Inputs, layers: Path) -> str:
    """What the base and the layers before this one have; a base that is pulled is listed by `envtool sbom` alone."""
    archives = [*([inputs.base] if inputs.base is not None else []), *sorted(layers.glob("*.tar"))]
    read = []
    for path in archives:
        with open(path, "rb") as stream:
            read.append(read_layer(stream, Interest(sbom_wish), name=path.name))
    names = frozenset(item.name for item in lock.pin.distributions) if lock.pin.stand_in else frozenset()
    subject = Subject(spec.name, f"{envtool.__version__}-{spec.release}", spec.epoch, names)
    return render_sbom(inventory(final_overlay(read).entries), subject)


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


def recipe_files(spec: ImageSpec) -> Iterator[Path]:
    """Every file of the checkout that goes into the image, apart from what the lock names."""
    folders = [*spec.folders("rootfs"), *spec.folders("checks"), spec.project / "envtool"]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                yield path
    yield from (spec.project / name for name in ("pyproject.toml", "README.md", "Dockerfile"))


def is_executable(path: Path) -> bool:
    """Whether a file of the checkout is to be executable in the image."""
    return os.access(path, os.X_OK)
