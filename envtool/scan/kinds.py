"""Every kind of finding in a program: its id, its severity where nothing guards it, and its title."""

from __future__ import annotations

from enum import Enum, unique

from envtool.doctor.finding_kind import Severity


@unique
class ScanKind(Enum):
    """A kind of finding in a program. Each has a page, `pages/<id>.md`."""

    def __init__(self, severity: Severity, title: str) -> None:
        self.severity = severity
        self.title = title

    @property
    def id(self) -> str:
        """What a person calls it: its name in lower case, with hyphens."""
        return self.name.lower().replace("_", "-")

    PROCESS_PER_DEVICE = (Severity.ERROR, "several processes for one accelerator wait for each other for ever")
    CUDA_LIBRARY = (Severity.ERROR, "a library that calls CUDA itself cannot run")
    CUDA_SOURCE = (Severity.ERROR, "CUDA sources cannot be compiled or run")
    NVIDIA_APEX = (Severity.ERROR, "NVIDIA's apex is not there; the vendor torch has its own")
    NVIDIA_QUERY = (Severity.ERROR, "nvidia-smi and NVML see no accelerator")
    NVIDIA_BASE = (Severity.ERROR, "the image starts from CUDA or an upstream torch")
    NEWER_TORCH = (Severity.ERROR, "the vendor torch does not have this yet")
    NEWER_PYTHON = (Severity.ERROR, "the vendor torch's Python does not have this yet")
    SECOND_DEVICE = (Severity.ERROR, "there is one accelerator, cuda:0")
    PARALLEL_NEEDLESS = (Severity.WARNING, "code for several GPUs is needless")
    NCCL = (Severity.WARNING, "a process group over NCCL is needless")
    TRAINER_SETTING = (Severity.WARNING, "a trainer is set to several devices")
    CUDA_GRAPH = (Severity.WARNING, "CUDA graphs are nothing that the vendor speaks of")
    CUDA_STREAM = (Severity.WARNING, "explicit CUDA streams are nothing that the vendor speaks of")
