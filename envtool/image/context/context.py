"""Member of a family → build context: a folder that any Docker builder turns into the image, without a network.

`layers/` and the Dockerfile make the image. Beside them, and kept from the builder, lie the whole base, which a child's
layers are told from, and the bill of materials.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from envtool.errors import BuildError
from envtool.image.graph import PlannedImage
from envtool.image.inputs.fetch_inputs import fetch_inputs, is_complete
from envtool.image.layers.assemble import LAYERS, assemble
from envtool.image.spec.labels import CONTEXT_LABEL
from envtool.image.spec.recipe import DOCKERFILE_PART
from envtool.progress import Progress
from envtool.wheel.store import FileStore, translate_store_errors

# Holds the fingerprint of what the folder was made from.
_MADE_FROM = "context.sha256"
_IGNORED = "# What the builder needs is the Dockerfile and the layers.\n*\n!Dockerfile\n!layers\n"


def ready_context(
    member: PlannedImage, store: FileStore, progress: Progress, parent_prepared: Callable[[], None] = lambda: None
) -> None:
    """Make the member's context, unless it is there already, and its ancestors' before it.

    `parent_prepared` waits for somebody else who may be at the parent's, and raises what he met with: it would be met
    with again. A folder appears whole or stays as it was. Raises what fetching and assembling raise.
    """

    def parent_ready() -> None:
        if member.parent is not None:
            parent_prepared()
            ready_context(member.parent, store, progress)

    folder = member.folder
    with translate_store_errors(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        is_made = _is_made(member)
        # What is not in the store already, the parent's context may bring; else both are made at the same time.
        if is_made or not is_complete(member.lock, store):
            parent_ready()
        if not is_made:
            _make(member, store, progress, parent_ready)


def _is_made(member: PlannedImage) -> bool:
    try:
        return (member.folder / _MADE_FROM).read_text().strip() == member.labels[CONTEXT_LABEL]
    except (OSError, UnicodeDecodeError):
        return False


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Siblings start from one parent, whose context only one of them makes."""
    with translate_store_errors(folder.parent):
        handle = os.open(folder.with_name(f".{folder.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make(member: PlannedImage, store: FileStore, progress: Progress, parent_ready: Callable[[], None]) -> None:
    inputs = fetch_inputs(member.spec, member.lock, member.sources, store, progress)
    if member.parent is not None:
        inputs = replace(inputs, lower_base=store.find(member.parent.lock.base.sha256))
    with translate_store_errors(member.folder.parent), _arriving(member.folder) as incoming:
        assemble(member, inputs, incoming, progress, parent_ready)
        (incoming / "Dockerfile").write_text(_dockerfile(member, incoming))
        (incoming / ".dockerignore").write_text(_IGNORED)
        (incoming / _MADE_FROM).write_text(f"{member.labels[CONTEXT_LABEL]}\n")


@contextmanager
def _arriving(folder: Path) -> Iterator[Path]:
    """A folder that takes the place of `folder` once it is whole; where that fails, nothing is left of it."""
    incoming = folder.with_name(f"{folder.name}.incoming")
    # Of a build that was killed.
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir()
    try:
        yield incoming
        shutil.rmtree(folder, ignore_errors=True)
        incoming.rename(folder)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _dockerfile(member: PlannedImage, folder: Path) -> str:
    template = (member.spec.project / "Dockerfile").read_text()
    if member.parent is None:
        return render_dockerfile(template, member.base, member.labels)
    layers = sorted(path.name for path in (folder / LAYERS).iterdir())
    part = member.spec.own_file(DOCKERFILE_PART)
    own = part.read_text() if part is not None else ""
    return render_dockerfile(_for_child(template, layers, own), member.base, member.labels)


def _for_child(template: str, layers: list[str], own: str) -> str:
    """The recipe of a child: its own layers and instructions. What its parent sets, it inherits."""
    head = template.partition("\nFROM ${HAC_BASE}\n")
    added = "".join(f"ADD {LAYERS}/{name} /\n" for name in layers)
    return f"{head[0]}{head[1]}{added}{own}"


def render_dockerfile(template: str, base: str, labels: Mapping[str, str]) -> str:
    """The recipe with its base filled in and its labels added, so that a plain `docker build` needs no argument."""
    text, filled = re.subn(r"^ARG HAC_BASE$", f"ARG HAC_BASE={base}", template, flags=re.MULTILINE)
    if filled != 1:
        raise BuildError("the Dockerfile has no line `ARG HAC_BASE`", remedy="git checkout Dockerfile")
    pairs = [f"{key}={json.dumps(value)}" for key, value in sorted(labels.items())]
    return text.rstrip("\n") + "\nLABEL " + " \\\n      ".join(pairs) + "\n"
