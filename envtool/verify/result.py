"""What a check of an image says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageCheck:
    """One check: its title, whether it passed, and what it said. `problems` are its lines where it said one of each.

    `is_warning`: what it finds is worth a line, and does not fail the image.
    """

    name: str
    title: str
    passed: bool
    output: str
    problems: tuple[str, ...] = ()
    is_warning: bool = False


@dataclass(frozen=True)
class ImageResult:
    """All checks of one image. Where it could not be checked, `error` says why, with the exit status of its kind.

    `digest` is that of its configuration, the same in every registry, engine and archive. `torch` is the version that a
    container would find, `culprits` are the distributions that pulled another torch in. `time` is when it was looked
    at, in seconds since 1970.
    """

    reference: str
    checks: tuple[ImageCheck, ...]
    error: str = ""
    error_status: int = 0
    digest: str = ""
    torch: str = ""
    culprits: tuple[str, ...] = ()
    time: float = 0.0

    @property
    def failed(self) -> tuple[ImageCheck, ...]:
        """The checks that did not pass, without mere warnings."""
        return tuple(check for check in self.checks if not check.passed and not check.is_warning)

    @property
    def warnings(self) -> tuple[ImageCheck, ...]:
        """The checks that found something that does not fail the image."""
        return tuple(check for check in self.checks if not check.passed and check.is_warning)

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return not self.error and not self.failed
