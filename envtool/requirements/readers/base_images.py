"""Which images a container may start from: those with the vendor torch, and those that are known to have another."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass

from envtool.language import tell

# envtool's own, by the names of the image table.
_OWN = re.compile(r"(?:.*/)?hac-[a-z0-9._-]+(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?")
_FOR_CUDA, _FOR_ROCM, _OWN_TORCH = tell("is for CUDA"), tell("is for ROCm"), tell("has its own torch")
_FOREIGN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:.*/)?nvidia/(?:cuda|cudagl|opencl|pytorch|tensorflow|tritonserver|nemo)\b.*"), _FOR_CUDA),
    (re.compile(r"nvcr\.io/.*"), _FOR_CUDA),
    (re.compile(r"(?:.*/)?rocm/.*"), _FOR_ROCM),
    (re.compile(r"(?:.*/)?(?:pytorch/pytorch|pytorch/manylinux|cnstark/pytorch|bitnami/pytorch)\b.*"), _OWN_TORCH),
    (re.compile(r"(?:.*/)?(?:runpod|paperspace|anibali|huggingface|vllm|lmsysorg|intel|deepspeed)/\S*"), _OWN_TORCH),
    (re.compile(r".*\b(?:cuda|cu1[0-9]{2}|cudnn)[\d.-]*.*"), _FOR_CUDA),
)


_TAG = re.compile(r"(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?$")


@dataclass(frozen=True, kw_only=True)
class BaseImages:
    """Which images' pip and uv are held to the vendor's versions.

    `names` are those that a project says it of, as patterns of the shell's, without a tag or with one. `is_held` looks
    into an image, where somebody can: `None` where nobody could.
    """

    names: tuple[str, ...] = ()
    is_held: Callable[[str], bool | None] | None = None

    def holds(self, reference: str) -> bool:
        """Whether an image is one of them: by its name, else by a look."""
        if not reference:
            return False
        repository = _TAG.sub("", reference)
        forms = {reference, repository, repository.rpartition("/")[2]}
        if _OWN.fullmatch(reference) or any(fnmatch.fnmatchcase(form, name) for name in self.names for form in forms):
            return True
        return self.is_held is not None and self.is_held(reference) is True

    def describe_foreign(self, reference: str) -> str | None:
        """Why a container must not start from an image; `None` where nothing is known against it."""
        why = next((why for pattern, why in _FOREIGN if pattern.fullmatch(reference)), None)
        return None if why is None or self.holds(reference) else why
