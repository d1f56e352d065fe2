"""Every kind of finding: its id, its severity and its title. The one place that says how bad a finding is."""

from __future__ import annotations

from enum import unique

from envtool.release.read_profile import load_service
from envtool.told_kind import Severity, ToldKind


@unique
class FindingKind(ToldKind):
    """A kind of finding. Each has a page, `pages/<id>.md`."""

    COMPANION_HASH_MISMATCH = (Severity.ERROR, "a companion has the right version but other files")
    COMPANION_MISMATCH = (Severity.ERROR, "torchvision or torchaudio belongs to another torch")
    COMPANION_MISSING = (Severity.ERROR, "torchvision or torchaudio is not installed")
    COMPANION_REPLACED = (Severity.ERROR, "torchvision or torchaudio does not belong to the vendor torch")
    CONSTRAINTS_OFF = (Severity.NOTE, "pip or uv is not held to the vendor's torch")
    CUDA_DIRECT = (Severity.WARNING, "a package calls CUDA directly")
    CUDA_WHEELS = (Severity.WARNING, "CUDA runtime distributions that the vendor torch has no use for")
    DRIVER_FAILED = (Severity.ERROR, "the driver's program does not answer")
    DRIVER_MISSING = (Severity.ERROR, load_service().words.driver_missing)
    DRIVER_TORCH_MISMATCH = (Severity.ERROR, "torch and the driver are of different releases")
    DRIVER_UPDATE_AVAILABLE = (Severity.NOTE, "the service has a newer release")
    DRIVER_VERSIONS_DIFFER = (Severity.WARNING, "the driver's client and server are of different releases")
    GUARD_OFF = (Severity.NOTE, "the guard is switched off")
    INTERPRETER_CHANGED = (Severity.ERROR, "torch was made for another Python")
    INTERPRETER_MISSING = (Severity.ERROR, "the environment's interpreter is gone")
    METADATA_BROKEN = (Severity.NOTE, "records in the environment cannot be read")
    NO_ACCELERATOR = (Severity.ERROR, "the driver has no accelerator")
    NO_VENDOR_TORCH = (Severity.ERROR, "there is no vendor torch, and nothing says that there ever was one")
    ORPHANED_JOBS = (Severity.WARNING, "jobs hold the accelerator though their processes are gone")
    PATH_ORDER = (Severity.WARNING, "`python` is not the active environment's")
    PINS_OVERRIDDEN = (Severity.WARNING, "uv is told to install another torch")
    PROBE_FAILED = (Severity.ERROR, "torch cannot be imported or crashes")
    PROBE_NO_ACCELERATOR = (Severity.ERROR, "torch does not see the accelerator")
    PROBE_OTHER_TORCH = (Severity.ERROR, "the torch that is imported is not the pinned one")
    PROBE_TIMEOUT = (Severity.ERROR, "torch hangs")
    PROBE_WRONG_RESULT = (Severity.ERROR, "the accelerator computes something else than the CPU")
    REQUIREMENT_MISSING = (Severity.WARNING, "something that the vendor torch requires is not installed")
    RESTORE_INTERRUPTED = (Severity.ERROR, "a restore was broken off, or is at work right now")
    TORCH_CONDA_OVERWRITTEN = (Severity.ERROR, "conda put its own torch over the vendor's")
    TORCH_DUPLICATE_METADATA = (Severity.ERROR, "torch has several .dist-info folders")
    TORCH_FILES_CHANGED = (Severity.ERROR, "files of torch are not the ones that were installed")
    TORCH_FILES_MISSING = (Severity.ERROR, "files of torch are missing")
    TORCH_FILES_UNREADABLE = (Severity.WARNING, "files of torch may not be read")
    TORCH_HASH_MISMATCH = (Severity.ERROR, "torch has the vendor's version but not the vendor's files")
    TORCH_LEFTOVERS = (Severity.WARNING, "renamed folders of torch were left behind")
    TORCH_LOST = (Severity.ERROR, "the vendor torch is gone, and no pin says which one it was")
    TORCH_METADATA_BROKEN = (Severity.WARNING, "torch's metadata cannot be read")
    TORCH_MISSING = (Severity.ERROR, "torch is not installed")
    TORCH_NO_RECORD = (Severity.ERROR, "torch has no RECORD, or an empty one")
    TORCH_OTHER_RELEASE = (Severity.ERROR, "torch is another vendor release than the pinned one")
    TORCH_RECORD_UNTRUSTED = (
        Severity.ERROR,
        "the RECORD of torch names files outside the environment, or is malformed",
    )
    TORCH_REPLACED = (Severity.ERROR, "torch is not the vendor's build")
    TORCH_UNKNOWN_BUILD = (Severity.ERROR, "torch is a build that no profile knows")
    TORCH_SHADOWED = (Severity.ERROR, "torch is imported from somewhere else")
    WRONG_ENVIRONMENT = (Severity.ERROR, "another environment has the vendor torch")
