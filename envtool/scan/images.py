"""Judges what an image starts from."""

from __future__ import annotations

import re

from envtool.language import tell
from envtool.release.read_profile import load_service
from envtool.scan.commands import CommandFinding
from envtool.scan.kinds import ScanKind
from envtool.told_kind import Severity

INSTEAD = tell("FROM hac-base, which has the vendor torch")
_CUDA = re.compile(
    r"^(?:docker\.io/|index\.docker\.io/|public\.ecr\.aws/|ghcr\.io/)?(?:[\w.-]+/)*?(?:nvidia/(?:cuda|cudagl|cuda-ppc64le|opengl)|nvcr\.io/.*|nvidia/.*)|^nvcr\.io/"
)
_TORCH = re.compile(
    r"(?:^|/)(?:pytorch/pytorch(?:-nightly)?|anibali/pytorch|bitnami/pytorch|ufoym/deepo|pytorch/torchserve|pytorch/libtorch-cxx11-builder|"
    r"huggingface/(?:transformers|accelerate|diffusers|text-generation-inference|trl)[\w-]*|intel/intel-optimized-pytorch|"
    r"pytorchlightning/\w+|vllm/vllm-openai|rocm/pytorch[\w-]*|deepspeed/deepspeed|winglian/axolotl[\w-]*|axolotlai/axolotl[\w-]*|cupy/cupy|rapidsai/\w+|mosaicml/[\w-]+|rayproject/ray[\w-]*(?=:[\w.-]*(?:gpu|cu\d))|"
    r"runpod/pytorch|runpod/base|mosaicml/pytorch|determinedai/[\w-]*cuda[\w-]*|"
    r"763104351884\.dkr\.ecr[\w.-]*/pytorch-\w+|pytorch-(?:training|inference)|pytorch-gpu[\w.-]*)(?=[:@]|$)"
    r"|(?:^|[/:_-])cu(?:da)?\d{2,3}(?:\D|$)|(?:^|[/:.-])cuda[\d.:-]"
)


def judge_image(reference: str) -> CommandFinding | None:
    """What is wrong with an image as the start of another, if anything; the line is the caller's to set."""
    name = reference.strip().strip("\"'")
    if _CUDA.search(name):
        why = tell("{name} has CUDA, which has no driver here, and not the vendor torch", name=name)
    elif _TORCH.search(name) and not any(word in name for word in load_service().image_words):
        why = tell("{name} has an upstream torch or CUDA, not the vendor torch", name=name)
    else:
        return None
    return CommandFinding(
        kind=ScanKind.NVIDIA_BASE,
        severity=Severity.ERROR,
        line=1,
        identifier=re.sub(r"[:@].*", "", name),
        message=why,
        instead=INSTEAD,
    )
