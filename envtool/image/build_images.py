"""Planned images → images in the engine, and in a registry; what is there is reused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envtool.image.context.context import SBOM_FILE, WHOLE_BASE, Layers, is_made
from envtool.image.context.loadable_image import make_loadable_base, make_loadable_image
from envtool.image.context.make_contexts import CONTEXT_STAGE, count_layers, open_context_stages
from envtool.image.context.provenance import render_provenance
from envtool.image.engine.push import Pushed, push
from envtool.image.graph import CONTEXT_TAG, PlannedImage
from envtool.image.lock.lockfile import require_current
from envtool.image.spec.labels import CONTEXT_LABEL
from envtool.image.stage_graph import Stage, StageKey, run_stages
from envtool.language import tell
from envtool.wheel.store import FileStore, translate_store_errors

if TYPE_CHECKING:
    from envtool.image.engine.client import Engine
    from envtool.image.inputs.fetch_inputs import BaseInput
    from envtool.progress import Progress

PROVENANCE_FILE = "provenance.json"
# Stages of contexts that wait for disks and for other programs, at once.
_THREADS = 8
_IMAGE_STAGE, _BASE_STAGE = "image", "base image"


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What to build: `images` with all that they start from, parents first, `jobs` images at a time.

    With `registry`, the images named in `pushed_names` are pushed below it.
    """

    images: tuple[PlannedImage, ...]
    engine: Engine
    store: FileStore
    jobs: int = 1
    registry: str | None = None
    pushed_names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BuiltImage:
    """An image in the engine; `reused` if it was there, made from the same inputs. `pushed` is where it was pushed to.

    `sbom` and `provenance` are files beside the context's Dockerfile.
    """

    member: PlannedImage
    identity: str
    reused: bool
    pushed: Pushed | None = None

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


@dataclass(frozen=True)
class BuildResult:
    """The images, in the order of the request."""

    images: tuple[BuiltImage, ...]


def build_images(
    request: BuildRequest,
    *,
    progress: Progress = lambda *_counts: None,
    say: Callable[[str], None] = lambda _text: None,
    report: Callable[[BuiltImage], None] = lambda _image: None,
) -> BuildResult:
    """Build images, and push them if asked for. `report` is called for each image as soon as it is there.

    Images that do not need one that failed are built; the first error is raised then. Raises what locks, fetching and
    assembling raise, `BuildError` and `EngineError`. All work is done in threads and other programs, so a script needs
    no `if __name__ == "__main__"` to call this.
    """
    for member in request.images:
        require_current(member.spec, member.lock, member.parent.lock if member.parent is not None else None)
    reused = _find_reusable(request)
    missing = [member for member in request.images if member.name not in reused]
    found: dict[str, BuiltImage] = {}

    def deliver(image: BuiltImage) -> None:
        found[image.member.name] = _push(request, image, say)
        report(found[image.member.name])

    for image in reused.values():
        deliver(image)
    with open_context_stages(missing, request.store, progress=progress) as contexts:
        stages = [*contexts, *_plan_engine_stages(request, missing, progress, say)]
        counted = count_layers(contexts, progress)

        def finished(stage: Stage, result: Any) -> None:
            counted(stage, result)
            if isinstance(result, BuiltImage):
                deliver(result)

        run_stages(stages, {"work": _THREADS, "engine": request.jobs}, finished=finished)
    return BuildResult(tuple(found[member.name] for member in request.images))


def _find_reusable(request: BuildRequest) -> dict[str, BuiltImage]:
    """The images that the engine has, made from the same inputs."""
    found = {}
    for member in request.images:
        present = request.engine.inspect_image(member.tags[0])
        if present and present["Config"]["Labels"].get(CONTEXT_LABEL) == member.labels[CONTEXT_LABEL]:
            # Children start from this tag, which somebody may have removed.
            request.engine.tag(present["Id"], member.context_tag)
            found[member.name] = BuiltImage(member, present["Id"], reused=True)
    return found


def _plan_engine_stages(
    request: BuildRequest, missing: Sequence[PlannedImage], progress: Progress, say: Callable[[str], None]
) -> list[Stage]:
    """For each image that is missing: import its base, then build it on its parent."""
    names = {member.name for member in missing}
    stages = []
    for member in missing:
        needs: list[StageKey] = [(member.name, CONTEXT_STAGE)]
        if member.parent is None:
            base = _plan_base_import(member, request.engine, say)
            stages.append(base)
            needs.append(base.key)
        else:
            needs += [(each.name, CONTEXT_STAGE) for each in member.ancestors]
            if member.parent.name in names:
                needs.append((member.parent.name, _IMAGE_STAGE))
        work = partial(_build_image, member, request.engine, progress, say)
        stages.append(Stage(key=(member.name, _IMAGE_STAGE), needs=tuple(needs), work=work, pool="engine"))
    return stages


def _plan_base_import(member: PlannedImage, engine: Engine, say: Callable[[str], None]) -> Stage:
    """Hand a bootstrapped base to an engine that has it not, while the layers are made."""

    def work(*fetched: BaseInput) -> None:
        archive = fetched[0].archive if fetched else member.folder / WHOLE_BASE
        base = make_loadable_base(member, archive) if archive is not None else None
        if base is not None and not engine.inspect_image(member.base):
            say(tell("importing the base"))
            engine.load(base)

    needs = () if is_made(member) else (("base", member.lock.base.digest),)
    return Stage(key=(member.name, _BASE_STAGE), needs=needs, work=work)


def _build_image(
    member: PlannedImage,
    engine: Engine,
    progress: Progress,
    say: Callable[[str], None],
    *needs: Layers | BuiltImage | None,
) -> BuiltImage:
    """Build one image from its context; its parent's must be there. Nothing is tagged on failure."""
    say(tell("building {name} from {folder}", name=member.tags[0], folder=member.folder))
    layers = [layer for item in needs if isinstance(item, tuple) for layer in item]
    image = make_loadable_image(member, {layer.path: layer.contents.diff_id for layer in layers})
    if image is not None:
        identity = engine.load(image, member.base)
    else:
        identity = engine.build(member.folder, member.tags, _make_step_counter(member, progress))
    # Their children are built: earlier images keep no tag that children start from.
    engine.untag(member.name, CONTEXT_TAG, member.context_tag)
    with translate_store_errors(member.folder):
        (member.folder / PROVENANCE_FILE).write_text(render_provenance(member, identity))
    return BuiltImage(member, identity, reused=False)


def _push(request: BuildRequest, image: BuiltImage, say: Callable[[str], None]) -> BuiltImage:
    if request.registry is None or image.member.name not in request.pushed_names:
        return image
    repository = f"{request.registry.rstrip('/')}/{image.member.name}"
    return replace(image, pushed=push(request.engine, image.identity, repository, image.member.spec.release, say))


def _make_step_counter(member: PlannedImage, progress: Progress) -> Callable[[str], None]:
    """Turn the classic builder's `Step 3/20 : …` lines into progress."""
    text = (member.folder / "Dockerfile").read_text()
    total = sum(1 for line in text.splitlines() if line and not line.startswith(("#", " ")))
    progress(tell("{name} steps", name=member.name), 0, total)

    def count(line: str) -> None:
        if line.startswith("Step "):
            progress(tell("{name} steps", name=member.name), 1, total)

    return count
