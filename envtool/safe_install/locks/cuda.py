"""Which locked packages only an upstream torch has a use for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from envtool.doctor.checks.cuda_wheels import is_cuda_wheel

if TYPE_CHECKING:
    from envtool.requirements.model import DeclaredRequirement


def select_idle_cuda_wheels(
    entries: Sequence[DeclaredRequirement], needed: Collection[str | None]
) -> tuple[DeclaredRequirement, ...]:
    """The CUDA wheels among some entries that are not `needed` by anything but a pinned distribution."""
    return tuple(entry for entry in entries if is_cuda_wheel(entry.name or "") and entry.name not in needed)
