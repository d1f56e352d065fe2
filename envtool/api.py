"""The Python API: one function for each command, with its request and its result.

Names are imported when they are first used, so that what a function does not need need not be installed: `check_files`
and `install` take `hac-envtool[check]`, `build_images` and what reads images takes `hac-envtool[image]`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.doctor.diagnose_environment import DoctorRequest, diagnose_environment
    from envtool.doctor.findings import Report
    from envtool.restore.restore import RestoreRequest, RestoreResult, restore

_MODULES = {
    "envtool.doctor.diagnose_environment": ("DoctorRequest", "diagnose_environment"),
    "envtool.doctor.findings": ("Report",),
    "envtool.restore.restore": ("RestoreRequest", "RestoreResult", "restore"),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = ["DoctorRequest", "Report", "RestoreRequest", "RestoreResult", "diagnose_environment", "restore"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)
