"""Every kind of finding in a program: its id, its severity where nothing guards it, and its title."""

from __future__ import annotations

from enum import unique

from envtool.language import tell
from envtool.told_kind import Severity, ToldKind

# What is said of what a program asks for.
NO_APEX = tell("NVIDIA's apex, which is not there")
NO_TENSORRT = tell("NVIDIA's TensorRT, which is not there")


@unique
class ScanKind(ToldKind):
    """A kind of finding in a program. Each has a page, `pages/<id>.md`."""

    PROCESS_PER_DEVICE = (Severity.ERROR, "several processes for one accelerator wait for each other for ever")
    CUDA_LIBRARY = (Severity.ERROR, "a library that calls CUDA itself cannot run")
    CUDA_SOURCE = (Severity.ERROR, "CUDA sources cannot be compiled or run")
    NVIDIA_APEX = (Severity.ERROR, "NVIDIA's apex is not there; the vendor torch has its own")
    NVIDIA_QUERY = (Severity.ERROR, "nvidia-smi and NVML see no accelerator")
    NVIDIA_BASE = (Severity.ERROR, "the image starts from CUDA or an upstream torch")
    NVIDIA_CONTAINER = (Severity.ERROR, "NVIDIA's container runtime is not there")
    NEWER_TORCH = (Severity.ERROR, "the vendor torch does not have this yet")
    NEWER_PYTHON = (Severity.ERROR, "the vendor torch's Python does not have this yet")
    SECOND_DEVICE = (Severity.ERROR, "there is one accelerator, cuda:0")
    PARALLEL_NEEDLESS = (Severity.WARNING, "code for several GPUs is needless")
    NCCL = (Severity.WARNING, "a process group over NCCL is needless")
    TRAINER_SETTING = (Severity.WARNING, "a trainer is set to several devices")
    CUDA_GRAPH = (Severity.WARNING, "CUDA graphs are nothing that the vendor speaks of")
    CUDA_STREAM = (Severity.WARNING, "explicit CUDA streams are nothing that the vendor speaks of")
