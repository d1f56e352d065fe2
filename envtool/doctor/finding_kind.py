"""Every kind of finding: its id, its severity and its title. The one place that says how bad a finding is."""

from __future__ import annotations

from enum import Enum, unique


class Severity(Enum):
    """How bad a finding is: an error loses the accelerator, a warning may, a note takes a protection away."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@unique
class FindingKind(Enum):
    """A kind of finding. Each has a page, `pages/<id>.md`."""

    def __init__(self, id: str, severity: Severity, title: str) -> None:
        self.id = id
        self.severity = severity
        self.title = title

    COMPANION_HASH_MISMATCH = (
        "companion-hash-mismatch",
        Severity.ERROR,
        "a companion has the right version but other files",
    )
    COMPANION_MISMATCH = ("companion-mismatch", Severity.ERROR, "torchvision or torchaudio belongs to another torch")
    COMPANION_MISSING = ("companion-missing", Severity.ERROR, "torchvision or torchaudio is not installed")
    COMPANION_REPLACED = (
        "companion-replaced",
        Severity.ERROR,
        "torchvision or torchaudio does not belong to the vendor torch",
    )
    CONSTRAINTS_OFF = ("constraints-off", Severity.NOTE, "pip or uv is not held to the vendor's torch")
    CUDA_DIRECT = ("cuda-direct", Severity.WARNING, "a package calls CUDA directly")
    CUDA_WHEELS = ("cuda-wheels", Severity.WARNING, "CUDA runtime distributions that the vendor torch has no use for")
    DRIVER_FAILED = ("driver-failed", Severity.ERROR, "the driver's program does not answer")
    DRIVER_MISSING = ("driver-missing", Severity.ERROR, "there is no moreh-smi")
    DRIVER_TORCH_MISMATCH = ("driver-torch-mismatch", Severity.ERROR, "torch and the driver are of different releases")
    DRIVER_UPDATE_AVAILABLE = ("driver-update-available", Severity.NOTE, "the service has a newer release")
    DRIVER_VERSIONS_DIFFER = (
        "driver-versions-differ",
        Severity.WARNING,
        "the driver's client and server are of different releases",
    )
    GUARD_OFF = ("guard-off", Severity.NOTE, "the guard is switched off")
    INTERPRETER_CHANGED = ("interpreter-changed", Severity.ERROR, "torch was made for another Python")
    INTERPRETER_MISSING = ("interpreter-missing", Severity.ERROR, "the environment's interpreter is gone")
    METADATA_BROKEN = ("metadata-broken", Severity.NOTE, "records in the environment cannot be read")
    NO_ACCELERATOR = ("no-accelerator", Severity.ERROR, "the driver has no accelerator")
    NO_VENDOR_TORCH = (
        "no-vendor-torch",
        Severity.ERROR,
        "there is no vendor torch, and nothing records which one there should be",
    )
    ORPHANED_JOBS = ("orphaned-jobs", Severity.WARNING, "jobs hold the accelerator though their processes are gone")
    PATH_ORDER = ("path-order", Severity.WARNING, "`python` is not the active environment's")
    PINS_OVERRIDDEN = ("pins-overridden", Severity.WARNING, "uv is told to install another torch")
    PROBE_FAILED = ("probe-failed", Severity.ERROR, "torch cannot be imported or crashes")
    PROBE_NO_ACCELERATOR = ("probe-no-accelerator", Severity.ERROR, "torch does not see the accelerator")
    PROBE_OTHER_TORCH = ("probe-other-torch", Severity.ERROR, "the torch that is imported is not the pinned one")
    PROBE_TIMEOUT = ("probe-timeout", Severity.ERROR, "torch hangs")
    PROBE_WRONG_RESULT = ("probe-wrong-result", Severity.ERROR, "the accelerator computes something else than the CPU")
    RESTORE_INTERRUPTED = ("restore-interrupted", Severity.ERROR, "a restore was broken off, or is at work right now")
    TORCH_CONDA_OVERWRITTEN = ("torch-conda-overwritten", Severity.ERROR, "conda put its own torch over the vendor's")
    TORCH_DUPLICATE_METADATA = ("torch-duplicate-metadata", Severity.ERROR, "torch has several .dist-info folders")
    TORCH_FILES_CHANGED = ("torch-files-changed", Severity.ERROR, "files of torch are not the ones that were installed")
    TORCH_FILES_MISSING = ("torch-files-missing", Severity.ERROR, "files of torch are missing")
    TORCH_FILES_UNREADABLE = ("torch-files-unreadable", Severity.WARNING, "files of torch may not be read")
    TORCH_HASH_MISMATCH = (
        "torch-hash-mismatch",
        Severity.ERROR,
        "torch has the vendor's version but not the vendor's files",
    )
    TORCH_LEFTOVERS = ("torch-leftovers", Severity.WARNING, "renamed folders of torch were left behind")
    TORCH_METADATA_BROKEN = ("torch-metadata-broken", Severity.WARNING, "torch's metadata cannot be read")
    TORCH_MISSING = ("torch-missing", Severity.ERROR, "torch is not installed")
    TORCH_NO_RECORD = ("torch-no-record", Severity.ERROR, "torch has no RECORD, or an empty one")
    TORCH_OTHER_RELEASE = ("torch-other-release", Severity.ERROR, "torch is another vendor release than the pinned one")
    TORCH_RECORD_UNTRUSTED = (
        "torch-record-untrusted",
        Severity.ERROR,
        "the RECORD of torch names files outside the environment, or is malformed",
    )
    TORCH_REPLACED = ("torch-replaced", Severity.ERROR, "torch is not the vendor's build")
    TORCH_SHADOWED = ("torch-shadowed", Severity.ERROR, "torch is imported from somewhere else")
    WRONG_ENVIRONMENT = ("wrong-environment", Severity.ERROR, "another environment has the vendor torch")
