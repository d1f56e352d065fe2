"""The whole way from an image's row in the table to the image in the engine, reusing what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import LockError
from envtool.image.assemble import SBOM_FILE
from envtool.image.context import CONTEXT_LABEL, base_tag, image_labels, make_context
from envtool.image.engine import Engine
from envtool.image.inputs import Progress, fetch
from envtool.image.lock import ImageLock, is_stale
from envtool.image.provenance import render_provenance
from envtool.image.sources import ImageSources
from envtool.image.spec import ImageSpec
from envtool.vendor.store import FileStore, reported

CONTEXTS = Path(".work/contexts")
PROVENANCE_FILE = "provenance.json"


@dataclass(frozen=True)
class BuiltImage:
    """An image in the engine. `reused` tells that it was there already, made from the same inputs.

    `sbom` and `provenance` are files beside the context's Dockerfile.
    """

    reference: str
    identity: str
    context: Path
    reused: bool

    @property
    def sbom(self) -> Path:
        """The bill of materials (CycloneDX), the same as in the image."""
        return self.context / SBOM_FILE

    @property
    def provenance(self) -> Path:
        """What the image was made from (SLSA)."""
        return self.context / PROVENANCE_FILE


def build_image(
    spec: ImageSpec,
    lock: ImageLock,
    sources: ImageSources,
    engine: Engine,
    store: FileStore,
    *,
    progress: Progress,
    say: Callable[[str], None],
) -> BuiltImage:
    """Build one image, unless the engine has it. Raises the errors of every stage; nothing is tagged on failure."""
    if is_stale(spec, lock):
        raise LockError(
            f"the lock of {spec.name} is out of date",
            why="the image table or a file it names has changed since",
            remedy=f"envtool lock {spec.name}",
        )
    labels = image_labels(spec, lock)
    reference = f"{spec.name}:latest"
    context = spec.project / CONTEXTS / spec.name
    present = engine.image_attributes(reference)
    if present and present["Config"]["Labels"].get(CONTEXT_LABEL) == labels[CONTEXT_LABEL]:
        return BuiltImage(reference, present["Id"], context, reused=True)
    inputs = fetch(lock, sources, store, progress)
    made = make_context(spec, lock, inputs, context, labels, progress)
    if inputs.base is not None:
        say("importing the base")
        engine.import_base(inputs.base, base_tag(lock))
    say(f"building {reference} from {made.folder}")
    identity = engine.build(
        made.folder, (reference, f"{spec.name}:{spec.release}"), _step_counter(made.folder, progress)
    )
    with reported(made.folder):
        (made.folder / PROVENANCE_FILE).write_text(render_provenance(spec, lock, labels, identity))
    return BuiltImage(reference, identity, made.folder, reused=False)


def _step_counter(context: Path, progress: Progress) -> Callable[[str], None]:
    """Turn the classic builder's `Step 3/20 : …` lines into progress."""
    text = (context / "Dockerfile").read_text()
    total = sum(1 for line in text.splitlines() if line and not line.startswith(("#", " ")))
    progress("steps", 0, total)

    def count(line: str) -> None:
        if line.startswith("Step "):
            progress("steps", 1, total)

    return count
