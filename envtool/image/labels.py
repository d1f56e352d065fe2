"""The labels that every HAC image bears."""

from __future__ import annotations

from envtool.image.context import CONTEXT_LABEL, OCI, OWN

REQUIRED_LABELS = (
    *(f"{OCI}{key}" for key in ("title", "version", "source", "revision", "created", "base.digest")),
    *(f"{OWN}{key}" for key in ("vendor.release", "torch.version", "lock")),
    CONTEXT_LABEL,
)
