"""The Python API: one function for each command, with its request and its result.

Names are imported when they are first used, so that what a function does not need need not be installed: `check_files`,
`install` and `sync` take `hac-envtool[check]`, `build_images` and what reads images takes `hac-envtool[image]`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.doctor.diagnose_environment import DoctorRequest, diagnose_environment
    from envtool.doctor.findings import Report
    from envtool.driver.inspect_jobs import JobsReport, JobsRequest, inspect_jobs
    from envtool.fleet.report_fleet import FleetReport, FleetRequest, report_fleet
    from envtool.image.blame.blame_image import BlameRequest, blame_image
    from envtool.image.blame.trace import BlameReport
    from envtool.image.build_images import BuildRequest, BuildResult, build_images
    from envtool.requirements.check_files import CheckRequest, CheckResult, check_files
    from envtool.restore.restore import RestoreRequest, RestoreResult, restore
    from envtool.safe_install.install import InstallRequest, InstallResult, install
    from envtool.safe_install.sync import SyncRequest, SyncResult, sync
    from envtool.scan.findings import ScanReport
    from envtool.scan.scan_program import ScanRequest, scan_program
    from envtool.verify.result import ImageResult
    from envtool.verify.verify_images import VerifyRequest, verify_images

_MODULES = {
    "envtool.doctor.diagnose_environment": (
        "DoctorRequest",
        "diagnose_environment",
    ),
    "envtool.doctor.findings": ("Report",),
    "envtool.driver.inspect_jobs": (
        "JobsReport",
        "JobsRequest",
        "inspect_jobs",
    ),
    "envtool.fleet.report_fleet": (
        "FleetReport",
        "FleetRequest",
        "report_fleet",
    ),
    "envtool.image.blame.blame_image": (
        "BlameRequest",
        "blame_image",
    ),
    "envtool.image.blame.trace": ("BlameReport",),
    "envtool.image.build_images": (
        "BuildRequest",
        "BuildResult",
        "build_images",
    ),
    "envtool.requirements.check_files": (
        "CheckRequest",
        "CheckResult",
        "check_files",
    ),
    "envtool.restore.restore": (
        "RestoreRequest",
        "RestoreResult",
        "restore",
    ),
    "envtool.safe_install.install": (
        "InstallRequest",
        "InstallResult",
        "install",
    ),
    "envtool.safe_install.sync": (
        "SyncRequest",
        "SyncResult",
        "sync",
    ),
    "envtool.scan.findings": ("ScanReport",),
    "envtool.scan.scan_program": (
        "ScanRequest",
        "scan_program",
    ),
    "envtool.verify.result": ("ImageResult",),
    "envtool.verify.verify_images": (
        "VerifyRequest",
        "verify_images",
    ),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "BlameReport",
    "BlameRequest",
    "BuildRequest",
    "BuildResult",
    "CheckRequest",
    "CheckResult",
    "DoctorRequest",
    "FleetReport",
    "FleetRequest",
    "ImageResult",
    "InstallRequest",
    "InstallResult",
    "JobsReport",
    "JobsRequest",
    "Report",
    "RestoreRequest",
    "RestoreResult",
    "ScanReport",
    "ScanRequest",
    "SyncRequest",
    "SyncResult",
    "VerifyRequest",
    "blame_image",
    "build_images",
    "check_files",
    "diagnose_environment",
    "inspect_jobs",
    "install",
    "report_fleet",
    "restore",
    "scan_program",
    "sync",
    "verify_images",
]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)
