"""Members of a family → images in the engine, reusing what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from envtool.image.context.context import ready_context
from envtool.image.context.loadable_image import loadable_base, loadable_image
from envtool.image.context.provenance import render_provenance
from envtool.image.engine.client import Engine
from envtool.image.graph import CONTEXT_TAG, PlannedImage, levels
from envtool.image.layers.assemble import SBOM_FILE, WHOLE_BASE
from envtool.image.lock.lockfile import require_current
from envtool.image.spec.labels import CONTEXT_LABEL
from envtool.progress import Progress
from envtool.wheel.store import FileStore, translate_store_errors

PROVENANCE_FILE = "provenance.json"


@dataclass(frozen=True)
class BuiltImage:
    """An image in the engine. `reused` tells that it was there already, made from the same inputs.

    `sbom` and `provenance` are files beside the context's Dockerfile.
    """

    member: PlannedImage
    identity: str
    reused: bool

    @property
    def reference(self) -> str:
        """The image's name, with a tag."""
        return self.member.tags[0]

    @property
    def context(self) -> Path:
        """The folder it was built from."""
        return self.member.folder

    @property
    def sbom(self) -> Path:
        """The bill of materials (CycloneDX), the same as in the image."""
        return self.context / SBOM_FILE

    @property
    def provenance(self) -> Path:
        """What the image was made from (SLSA)."""
        return self.context / PROVENANCE_FILE


# What is done for an image before its parent is built, and after.
Prepare = Callable[[PlannedImage, Callable[[], None]], BuiltImage | None]
Build = Callable[[PlannedImage], BuiltImage]


def build_family(members: Sequence[PlannedImage], prepare: Prepare, build: Build, *, jobs: int) -> Iterator[BuiltImage]:
    """Build images, parents before children, those of one generation `jobs` at a time. Raises what is raised.

    What `prepare` does for an image waits for no other image to be built, and is done meanwhile; the function that it
    gets waits until the image's parent was prepared, and raises what that raised. All of a generation come to their end
    before an error of one of them ends the whole.
    """
    by_name = {member.name: member for member in members}
    order = [[by_name[spec.name] for spec in specs] for specs in levels(member.spec for member in members)]
    # One more: its parent's context may be what the last step of another waits for.
    with ThreadPoolExecutor(max(1, jobs) + 1) as preparing, ThreadPoolExecutor(max(1, jobs)) as building:
        prepared: dict[str, Future[BuiltImage | None]] = {}

        def parent_prepared(member: PlannedImage) -> None:
            # Which began before its children, so that it never waits for a place that they take.
            if member.parent is not None and member.parent.name in prepared:
                prepared[member.parent.name].result()

        for generation in order:
            # What takes longest comes first: wheels to install and to compile.
            for member in sorted(generation, key=lambda member: -len(member.lock.requirements)):
                prepared[member.name] = preparing.submit(prepare, member, partial(parent_prepared, member))

        def built(member: PlannedImage) -> BuiltImage:
            return prepared[member.name].result() or build(member)

        try:
            for generation in order:
                running = [building.submit(built, member) for member in generation]
                errors = [item.exception() for item in running]
                yield from (item.result() for item, error in zip(running, errors, strict=True) if error is None)
                failed = next((error for error in errors if error is not None), None)
                if failed is not None:
                    raise failed
        finally:
            # After an error or an interrupt, nothing that has not begun is begun.
            for pool in (preparing, building):
                pool.shutdown(wait=False, cancel_futures=True)


def prepare_image(
    member: PlannedImage,
    engine: Engine,
    store: FileStore,
    parent_prepared: Callable[[], None],
    *,
    progress: Progress,
    say: Callable[[str], None],
) -> BuiltImage | None:
    """The image, if the engine has it, made from the same inputs; else its context is ready then, and nothing is built.

    Raises what locks, fetching and assembling raise, and what `parent_prepared` does, which is called before the
    parent's context is needed.
    """
    require_current(member.spec, member.lock, member.parent.lock if member.parent is not None else None)
    present = engine.image_attributes(member.tags[0])
    if present and present["Config"]["Labels"].get(CONTEXT_LABEL) == member.labels[CONTEXT_LABEL]:
        # Children start from this one, which somebody may have taken away.
        engine.tag(present["Id"], member.context_tag)
        return BuiltImage(member, present["Id"], reused=True)
    with ThreadPoolExecutor(1) as beside:
        # Layers take this process; meanwhile the engine would have nothing to do.
        importing = beside.submit(_import_base, member, store.find(member.lock.base.sha256), engine, say)
        ready_context(member, store, progress, parent_prepared)
    importing.result()
    return None


def build_image(member: PlannedImage, engine: Engine, *, progress: Progress, say: Callable[[str], None]) -> BuiltImage:
    """Build one image that was prepared; its parent's must be there. Raises `BuildError` and `EngineError`.

    Nothing is tagged on failure.
    """
    _import_base(member, member.folder / WHOLE_BASE, engine, say)
    say(f"building {member.tags[0]} from {member.folder}")
    image = loadable_image(member)
    if image is not None:
        identity = engine.load(image, member.base)
    else:
        identity = engine.build(member.folder, member.tags, _step_counter(member.folder, progress))
    # What they were for is built: the images are their children's still, or for `docker image prune`.
    engine.untag(member.name, CONTEXT_TAG, member.context_tag)
    with translate_store_errors(member.folder):
        (member.folder / PROVENANCE_FILE).write_text(render_provenance(member, identity))
    return BuiltImage(member, identity, reused=False)


def _import_base(member: PlannedImage, archive: Path | None, engine: Engine, say: Callable[[str], None]) -> None:
    """Hand the bootstrapped base of the first of a family to an engine that has it not; `None`: there is no archive."""
    base = loadable_base(member, archive) if member.parent is None and archive is not None else None
    if base is not None and not engine.image_attributes(member.base):
        say("importing the base")
        engine.load(base)


def _step_counter(context: Path, progress: Progress) -> Callable[[str], None]:
    """Turn the classic builder's `Step 3/20 : …` lines into progress."""
    text = (context / "Dockerfile").read_text()
    total = sum(1 for line in text.splitlines() if line and not line.startswith(("#", " ")))
    progress("steps", 0, total)

    def count(line: str) -> None:
        if line.startswith("Step "):
            progress("steps", 1, total)

    return count
