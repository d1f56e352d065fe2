"""A build context: a folder that any Docker builder turns into an image, without a network.

The image is made of the Dockerfile and `layers/`. `.dockerignore` hides the other files from the builder: the whole
base, which a child's base is compared with, and the bill of materials.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import BuildError
from envtool.image.inputs.base_layers import read_local_layer
from envtool.image.layers.assemble import WrittenLayer
from envtool.image.spec.labels import CONTEXT_LABEL
from envtool.image.spec.recipe import DOCKERFILE_PART
from envtool.language import tell

if TYPE_CHECKING:
    from envtool.image.graph import PlannedImage

# Below a build context: the layers, the bill of materials beside the Dockerfile, and the whole base.
LAYERS = "layers"
SBOM_FILE = "sbom.cdx.json"
WHOLE_BASE = Path("base/base.tar")
# Holds the fingerprint of what the folder was made from.
_MADE_FROM = "context.sha256"
# The recipe's user, by number.
_USER = re.compile(r"^USER 1000:0$", re.MULTILINE)
_IGNORED = "# What the builder needs is the Dockerfile and the layers.\n*\n!Dockerfile\n!layers\n"
Layers = tuple[WrittenLayer, ...]


def is_made(member: PlannedImage) -> bool:
    """Whether an image's context is there, made from the same inputs."""
    try:
        return (member.folder / _MADE_FROM).read_text().strip() == member.labels[CONTEXT_LABEL]
    except (OSError, UnicodeDecodeError):
        return False


def read_context(member: PlannedImage) -> Layers:
    """Read the layers of a context that is there."""
    paths = sorted((member.folder / LAYERS).glob("*.tar"))
    return tuple(WrittenLayer(path, read_local_layer(path)) for path in paths)


@contextmanager
def context_lock(folder: Path) -> Iterator[None]:
    """The lock of a folder of contexts: one process at a time makes them."""
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def incoming_folder(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` for its new content; deleted at the end, unless it was moved."""
    incoming = folder.with_name(f"{folder.name}.incoming")
    # Of a build that was killed.
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir()
    try:
        yield incoming
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def move_to_place(member: PlannedImage, incoming: Path, layers: Layers, uid: int) -> Layers:
    """Write the files beside the layers, and move the folder `incoming` to the context's place. `uid` is the user's."""
    (incoming / "Dockerfile").write_text(set_user(_render_dockerfile(member, incoming), uid))
    (incoming / ".dockerignore").write_text(_IGNORED)
    (incoming / _MADE_FROM).write_text(f"{member.labels[CONTEXT_LABEL]}\n")
    shutil.rmtree(member.folder, ignore_errors=True)
    incoming.rename(member.folder)
    return tuple(WrittenLayer(member.folder / LAYERS / item.path.name, item.contents) for item in layers)


def _render_dockerfile(member: PlannedImage, folder: Path) -> str:
    template = (member.spec.project / "Dockerfile").read_text()
    if member.parent is None:
        return render_dockerfile(template, member.base, member.labels)
    layers = sorted(path.name for path in (folder / LAYERS).iterdir())
    part = member.spec.own_file(DOCKERFILE_PART)
    own = part.read_text() if part is not None else ""
    return render_dockerfile(_adapt_for_child(template, layers, own), member.base, member.labels)


def _adapt_for_child(template: str, layers: list[str], own: str) -> str:
    """The recipe of a child: its own layers and instructions. What its parent sets, it inherits."""
    head = template.partition("\nFROM ${HAC_BASE}\n")
    added = "".join(f"ADD {LAYERS}/{name} /\n" for name in layers)
    return f"{head[0]}{head[1]}{added}{own}"


def set_user(recipe: str, uid: int) -> str:
    """The recipe for a base in which the user has this number: 1000, unless the base has given that one away."""
    return _USER.sub(f"USER {uid}:0", recipe)


def render_dockerfile(template: str, base: str, labels: Mapping[str, str]) -> str:
    """The recipe with its base filled in and its labels added, so that a plain `docker build` needs no argument."""
    text, filled = re.subn(r"^ARG HAC_BASE$", f"ARG HAC_BASE={base}", template, flags=re.MULTILINE)
    if filled != 1:
        raise BuildError(tell("the Dockerfile has no line `ARG HAC_BASE`"), remedy="git checkout Dockerfile")
    pairs = [f"{key}={json.dumps(value)}" for key, value in sorted(labels.items())]
    return text.rstrip("\n") + "\nLABEL " + " \\\n      ".join(pairs) + "\n"
