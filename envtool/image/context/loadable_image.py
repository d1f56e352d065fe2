"""Planned images as archives, for those that need no builder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.image.context.context import LAYERS, WHOLE_BASE
from envtool.image.context.docker_archive import LayerStep, LoadableImage
from envtool.image.context.dockerfile_config import evaluate_instructions

if TYPE_CHECKING:
    from envtool.image.graph import PlannedImage

# The one instruction of a bootstrapped base.
BASE_STEP = f"ADD {WHOLE_BASE.name} /"


def make_loadable_base(member: PlannedImage, archive: Path) -> LoadableImage | None:
    """The bootstrapped base of an image, from its archive; `None` for a base that is pulled."""
    if member.lock.base.reference is not None:
        return None
    # The lock names a bootstrapped base by the digest of its archive, which the store has checked.
    step = LayerStep(BASE_STEP, archive, member.lock.base.digest)
    return LoadableImage((member.base,), {}, (step,), member.spec.epoch)


def make_loadable_image(member: PlannedImage, diff_ids: Mapping[Path, str] | None = None) -> LoadableImage | None:
    """The image of a finished context, or `None` where its recipe or its base needs a builder.

    `diff_ids` has the digests that are known, by the layers' paths.
    """
    if member.parent is None:
        start = make_loadable_base(member, member.folder / WHOLE_BASE)
    else:
        start = make_loadable_image(member.parent, diff_ids)
    made = (
        evaluate_instructions((member.folder / "Dockerfile").read_text(), start.configuration)
        if start is not None
        else None
    )
    if start is None or made is None:
        return None
    paths = [member.folder / LAYERS / layer if layer is not None else None for layer in made.layers]
    steps = (
        LayerStep(str(step), path, (diff_ids or {}).get(path) if path is not None else None)
        for step, path in zip(made.steps, paths, strict=True)
    )
    return LoadableImage(member.tags, made.configuration, (*start.history, *steps), member.spec.epoch)
