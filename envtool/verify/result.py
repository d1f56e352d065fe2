"""What a check of an image says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageCheck:
    """One check: its title, whether it passed, and what it said. `problems` are its lines where it said one of each."""

    name: str
    title: str
    passed: bool
    output: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageResult:
    """All checks of one image. Where it could not be checked, `error` says why, with the exit status of its kind."""

    reference: str
    checks: tuple[ImageCheck, ...]
    error: str = ""
    error_status: int = 0

    @property
    def failed(self) -> tuple[ImageCheck, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return not self.error and not self.failed
