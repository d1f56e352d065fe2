"""Selects the pin that a rollback goes back to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from envtool.errors import ReleaseError
from envtool.language import tell
from envtool.release.read_profile import load_service

if TYPE_CHECKING:
    from envtool.environment.history import HistoryEntry
    from envtool.release.pin import VendorPin


def select_rollback_pin(history: Sequence[HistoryEntry], present: VendorPin | None) -> VendorPin:
    """The newest pin in the history that is another than the present one. Raises `ReleaseError` where there is none."""
    for entry in reversed(history):
        before = entry.pin
        if before is None or before.torch.sha256 is None:
            continue
        if present is None or before.torch.sha256 != present.torch.sha256:
            return before
    raise ReleaseError(
        tell("there is nothing to roll back to"),
        why=tell("the environment's history has no other vendor release than the present one"),
        remedy=load_service().words.list_releases,
    )
