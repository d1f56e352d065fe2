"""The labels that every HAC image bears.

Source: OCI image specification, "Pre-defined annotation keys"; ours stand beside them.
"""

from __future__ import annotations

OCI = "org.opencontainers.image."
OWN = "io.hac-envtool."
# One sha256 over everything an image is made from.
CONTEXT_LABEL = f"{OWN}context"
REQUIRED_LABELS = (
    *(f"{OCI}{key}" for key in ("title", "version", "source", "revision", "created", "base.digest")),
    *(f"{OWN}{key}" for key in ("vendor.release", "torch.version", "lock")),
    CONTEXT_LABEL,
)
