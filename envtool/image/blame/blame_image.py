"""Says which instruction of an image changed torch, a companion or the guard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from envtool.environment.import_files import condense_interpreter
from envtool.image.blame.installed import select_for_blame
from envtool.image.blame.trace import BlameReport, trace_changes
from envtool.image.read.layer import FileSelector, LayerCache
from envtool.image.read.reference import read_image


@dataclass(frozen=True, kw_only=True)
class BlameRequest:
    """Which image to read: a name in the engine, an archive, a folder, or docker://NAME for a registry.

    `platform` is which image of a manifest list, as linux/amd64; by default this machine's. `project` is the folder
    from which the engine is found.
    """

    reference: str
    project: Path = Path()
    platform: str | None = None


def blame_image(request: BlameRequest, shared: LayerCache | None = None) -> BlameReport:
    """Read the image, layer by layer, and trace what changed. It is never run.

    `shared` has the layers that it shares with images read before. Raises `ImageError`, `EngineError`, `SetupError`.
    """
    selector = FileSelector(select_for_blame, condense=condense_interpreter, keeps_links=True, shared=shared)
    image = read_image(request.reference, selector, project=request.project, platform=request.platform)
    return trace_changes(image)


def blame_images(requests: Sequence[BlameRequest], jobs: int) -> Iterator[BlameReport]:
    """Read several images, `jobs` at a time; their reports come in the order of the requests.

    Layers that they share in a registry are read once. Raises what `blame_image` does, where that image's report would
    come; those that have not been begun are then left.
    """
    shared = LayerCache()
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        yield from pool.map(lambda request: blame_image(request, shared), requests)
