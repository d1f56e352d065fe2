"""What is known of the vendor: the names of its distributions."""

from __future__ import annotations

TORCH = "torch"
COMPANIONS = ("torchvision", "torchaudio")
PINNED_NAMES = (TORCH, *COMPANIONS)
# The folders that these distributions put into site-packages; torch has had several beside its own.
TOP_LEVEL_NAMES = (*PINNED_NAMES, "caffe2", "functorch", "torchgen")
