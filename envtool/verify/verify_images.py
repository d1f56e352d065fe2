"""Verifies images: the checks on their files, then those that run inside of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.errors import BuildError, EngineError, ImageError, ReleaseError, SetupError
from envtool.verify.result import ImageCheck, ImageResult

if TYPE_CHECKING:
    from envtool.image.read.layer import LayerCache
    from envtool.verify.doctor_on_layers import LibrarySpool
    from envtool.verify.shard import Shard

# What keeps one image of several from being verified; anything else is everybody's error.
MODEL_TIME_LIMIT = 600.0
_NOT_VERIFIED = (BuildError, EngineError, ImageError, ReleaseError, SetupError)


@dataclass(frozen=True, kw_only=True)
class VerifyRequest:
    """Which images to verify, and how.

    `static` reads their files only, else their own checks run inside of them as well. `platform` is which image of a
    manifest list, as linux/amd64; by default this machine's. `jobs` is how many images are verified at a time.
    `model` is one to train inside as well, for at most `model_time_limit` seconds.
    `project` is the folder from which the engine is found. `shard` is which part of the images to verify.
    """

    references: tuple[str, ...]
    project: Path = Path()
    static: bool = False
    platform: str | None = None
    jobs: int = 1
    model: str | None = None
    model_time_limit: float = MODEL_TIME_LIMIT
    shard: Shard | None = None


def verify_images(
    request: VerifyRequest, *, done: Callable[[str], None] = lambda _name: None
) -> tuple[ImageResult, ...]:
    """Check each image, in the order of the references; `done` is called with each reference that is finished.

    Of several, and of a shard, one that cannot be read or run does not keep the others from it: its result says why. A
    single one raises: `ImageError`, `EngineError`, `BuildError`, `ReleaseError`, `SetupError`. So does a model that
    there is none of: `ModelError`.
    """
    if request.model is not None:
        from envtool.models.catalog import find_sample

        find_sample(request.model)
    from envtool.image.read.layer import LayerCache
    from envtool.image.read.registry_listing import expand_references
    from envtool.verify.doctor_on_layers import library_spool

    references = expand_references(request.references)
    if request.shard is not None:
        references = request.shard.select(references)
    with library_spool() as spool:
        if len(references) == 1 and request.shard is None:
            results = (_verify_image(references[0], request, spool, None),)
            done(references[0])
            return results
        # Images of a registry mostly start from the same base: its layers are read once.
        shared = LayerCache()
        return _verify_all(references, request, spool, shared, done)


def _verify_all(
    references: tuple[str, ...],
    request: VerifyRequest,
    spool: LibrarySpool,
    shared: LayerCache,
    done: Callable[[str], None],
) -> tuple[ImageResult, ...]:
    def work(reference: str) -> ImageResult:
        try:
            return _verify_image(reference, request, spool, shared)
        except _NOT_VERIFIED as error:
            return ImageResult(reference, (), error.render(), error.exit_status, time=time.time())
        finally:
            done(reference)

    with ThreadPoolExecutor(max(1, request.jobs)) as pool:
        return tuple(pool.map(work, references))


def _verify_image(
    reference: str, request: VerifyRequest, spool: LibrarySpool, shared: LayerCache | None
) -> ImageResult:
    result = _check_files(reference, request, spool, shared)
    is_ours = not any(check.name == "profile" for check in result.checks)
    # What runs inside are the checks of our own images.
    checks = tuple(_check_container(reference, request)) if is_ours and not request.static else ()
    if request.model is not None and not request.static:
        from envtool.verify.model_check import check_model

        checks += (check_model(reference, request.model, request.model_time_limit, request.project),)
    return replace(result, reference=reference, checks=(*result.checks, *checks))


def select_exit_status(results: Iterable[ImageResult]) -> int:
    """0 where all is well, the first error's status where one could not be verified, else 1."""
    found = list(results)
    failed = next((item.error_status for item in found if item.error_status), 0)
    return failed or (0 if all(item.passed for item in found) else 1)


def _check_files(reference: str, request: VerifyRequest, spool: LibrarySpool, shared: LayerCache | None) -> ImageResult:
    from envtool.environment.import_files import condense_interpreter
    from envtool.image.read.layer import FileSelector
    from envtool.image.read.reference import read_image
    from envtool.verify.credential_contents import find_credentials, load_detectors
    from envtool.verify.credential_files import may_hold_credentials
    from envtool.verify.static_checks import run_static_checks, select_for_static_checks

    load_detectors()
    selector = FileSelector(
        select_for_static_checks,
        spool.spool,
        may_hold_credentials,
        find_credentials,
        condense_interpreter,
        keeps_links=True,
        shared=shared,
    )
    image = read_image(reference, selector, project=request.project, platform=request.platform)
    return run_static_checks(image)


def _check_container(reference: str, request: VerifyRequest) -> Iterator[ImageCheck]:
    from envtool.image.engine.client import find_engine
    from envtool.verify.container_checks import run_container_checks

    yield from run_container_checks(find_engine(request.project), reference)
