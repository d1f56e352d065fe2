"""Programs that come with CUDA, or that run on nothing else, by their names."""

from __future__ import annotations

from collections.abc import Iterator

from envtool.language import mark_message, tell
from envtool.release.read_profile import load_service
from envtool.scan.commands import CommandFinding, CommandWord
from envtool.scan.kinds import ScanKind
from envtool.scan.libraries import find_library
from envtool.told_kind import Severity

_QUERIES = frozenset(
    ["nvidia-smi", "nvitop", "gpustat", "nvtop", "nvidia-settings", "dcgmi", "nvidia-debugdump", "nvidia-smi.exe"]
)
_COMPILERS = frozenset(
    [
        "nvcc",
        "ncu",
        "nsys",
        "nvprof",
        "nv-nsight-cu-cli",
        "cuda-gdb",
        "cuda-memcheck",
        "compute-sanitizer",
        "cuobjdump",
        "nvdisasm",
        "nvidia-cuda-mps-control",
    ]
)
# What serves or converts a model by kernels of CUDA.
_ENGINES = {
    "trtexec": "tensorrt",
    "polygraphy": "polygraphy",
    "trtllm-build": "tensorrt_llm",
    "vllm": "vllm",
    "lmdeploy": "lmdeploy",
    "unsloth": "unsloth",
}
CUDA_PROGRAMS = _QUERIES | _COMPILERS | _ENGINES.keys()


def judge_cuda_program(word: CommandWord, name: str) -> Iterator[CommandFinding]:
    """A program of `CUDA_PROGRAMS`, which is called by the word."""
    if name in _QUERIES:
        yield CommandFinding(
            kind=ScanKind.NVIDIA_QUERY,
            severity=Severity.WARNING,
            line=word.line,
            identifier=name,
            message=tell("{name} is not there, or sees no accelerator", name=name),
            instead=load_service().words.query,
        )
    elif name in _COMPILERS:
        yield CommandFinding(
            kind=ScanKind.CUDA_SOURCE,
            severity=Severity.ERROR,
            line=word.line,
            identifier=name,
            message=tell("{name} belongs to CUDA, which is not there", name=name),
        )
    elif name in _ENGINES:
        yield from judge_run_module(word, _ENGINES[name], name)


def judge_run_module(word: CommandWord, module: str, name: str) -> Iterator[CommandFinding]:
    """A module that is run as a program, `python -m vllm.entrypoints.api_server`: of CUDA's libraries or not."""
    library = find_library(module)
    if library is not None and library.kind is ScanKind.CUDA_LIBRARY:
        yield CommandFinding(
            kind=library.kind,
            severity=Severity.ERROR,
            line=word.line,
            identifier=name,
            message=tell("{name}: {why}", name=name, why=mark_message(library.why)),
            instead=library.instead,
        )
