"""Which images a container may start from: those with the vendor torch, and those that are known to have another."""

from __future__ import annotations

import re

# envtool's own, by the names of the image table.
_OWN = re.compile(r"(?:.*/)?hac-[a-z0-9._-]+(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?")
_FOREIGN = (
    (re.compile(r"(?:.*/)?nvidia/(?:cuda|cudagl|opencl|pytorch|tensorflow|tritonserver|nemo)\b.*"), "is for CUDA"),
    (re.compile(r"nvcr\.io/.*"), "is for CUDA"),
    (re.compile(r"(?:.*/)?rocm/.*"), "is for ROCm"),
    (
        re.compile(r"(?:.*/)?(?:pytorch/pytorch|pytorch/manylinux|cnstark/pytorch|bitnami/pytorch)\b.*"),
        "has its own torch",
    ),
    (
        re.compile(r"(?:.*/)?(?:runpod|paperspace|anibali|huggingface|vllm|lmsysorg|intel|deepspeed)/\S*"),
        "has its own torch",
    ),
    (re.compile(r".*\b(?:cuda|cu1[0-9]{2}|cudnn)[\d.-]*.*"), "is for CUDA"),
)


def is_own_image(reference: str) -> bool:
    """Whether an image's name is one of envtool's, whose pip and uv are held to the vendor's versions."""
    return _OWN.fullmatch(reference) is not None


def describe_foreign_base(reference: str) -> str | None:
    """Why a container must not start from an image; `None` where nothing is known against it."""
    if is_own_image(reference):
        return None
    return next((why for pattern, why in _FOREIGN if pattern.fullmatch(reference)), None)
