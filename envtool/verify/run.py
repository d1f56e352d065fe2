"""Verifies several images at once, so many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from envtool.errors import BuildError, EngineError, ImageError, ReleaseError, SetupError
from envtool.verify.result import CheckResult, ImageResult

# What keeps one image of several from being verified; anything else is everybody's error.
_NOT_VERIFIED = (BuildError, EngineError, ImageError, ReleaseError, SetupError)


@dataclass(frozen=True)
class VerifyRequest:
    """How to verify: `static` reads the files only, else the image's own checks run inside of it as well.

    `platform` is which image of a manifest list.
    """

    project: Path
    static: bool = False
    platform: str | None = None


def verify_one(reference: str, request: VerifyRequest) -> ImageResult:
    """All checks of one image. Raises `ImageError`, `EngineError`, `BuildError` where it cannot be read or run."""
    checks = tuple(_static(reference, request))
    if not request.static:
        checks += tuple(_running(reference, request))
    return ImageResult(reference, checks)


def verify_all(
    references: Sequence[str], request: VerifyRequest, *, jobs: int, done: Callable[[str], None]
) -> tuple[ImageResult, ...]:
    """All checks of several images, `jobs` at a time, in the order of the references.

    An image that cannot be read or run does not keep the others from it: its result says why.
    """

    def work(reference: str) -> ImageResult:
        try:
            return verify_one(reference, request)
        except _NOT_VERIFIED as error:
            return ImageResult(reference, (), error.render(), error.exit_status)
        finally:
            done(reference)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        return tuple(pool.map(work, references))


def exit_status(results: Iterable[ImageResult]) -> int:
    """0 where all is well, the first error's status where one could not be verified, else 1."""
    found = list(results)
    failed = next((item.error_status for item in found if item.error_status), 0)
    return failed or (0 if all(item.passed for item in found) else 1)


def _static(reference: str, request: VerifyRequest) -> Iterator[CheckResult]:
    from envtool.image.read.layer import FileSelector
    from envtool.image.read.reference import read_image
    from envtool.verify.doctor_on_layers import library_spool
    from envtool.verify.static_checks import run_static_checks, select_for_static_checks

    with library_spool() as spool:
        selector = FileSelector(select_for_static_checks, spool.spool)
        image = read_image(reference, selector, project=request.project, platform=request.platform)
        yield from run_static_checks(image)


def _running(reference: str, request: VerifyRequest) -> Iterator[CheckResult]:
    from envtool.image.engine.client import find_engine
    from envtool.verify.container_checks import run_container_checks

    yield from run_container_checks(find_engine(request.project), reference)
