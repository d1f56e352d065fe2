"""What a vendor source can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envtool.release.candidates import Candidate
    from envtool.wheel.store import FileStore


class Source(Protocol):
    """A place that offers vendor wheels. Every method raises `SourceError` where the place cannot be read."""

    @property
    def label(self) -> str:
        """What to call the source in a message; never with a credential in it."""

    def list_candidates(self) -> tuple[Candidate, ...]:
        """All wheels that it offers of the distributions that it was opened for."""

    def read_torch_requirement(self, candidate: Candidate) -> Requirement | None:
        """What the wheel requires of torch, or `None` where the source does not reveal it."""

    def fetch(self, candidate: Candidate, store: FileStore) -> Path:
        """Bring the wheel into `store` and return its path there. Raises `HashError`, `StoreError`."""

    def read_signature(self, filename: str) -> str | None:
        """The signature of a wheel that lies beside it, as `cosign sign-blob` writes it, or `None`."""

    def find_tool(self, name: str) -> Path | None:
        """A program that the source ships beside its wheels, such as the driver's, or `None`."""
