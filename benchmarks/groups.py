"""The groups of rows, in the order in which a whole run measures them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import (
    check_accuracy,
    doctor,
    doctor_accuracy,
    handwritten_dockerfile,
    image,
    registry,
    requirements,
    restore,
    scan,
    vendor_losses,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.report import Report
    from benchmarks.workplace import Workplace


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows that are measured together; `gigabytes` are what they took on the disk at most, measured one by one."""

    name: str
    title: str
    gigabytes: float
    measure: Callable[[Workplace, Report], None]
    needs_engine: bool = False


GROUPS = (
    Group(
        name="doctor",
        title="doctor on 300 distributions and a real torch, against pip check, uv pip check and sha256sum",
        gigabytes=2.0,
        measure=doctor.measure,
    ),
    Group(
        name="growth",
        title="doctor on 50 to 2,000 distributions",
        gigabytes=0.4,
        measure=doctor.measure_growth,
    ),
    Group(
        name="restore",
        title="restore of a real torch, against pip, uv and unzip",
        gigabytes=3.1,
        measure=restore.measure,
    ),
    Group(
        name="doctor-accuracy",
        title="what doctor finds and where it cries wolf; writes docs/doctor-accuracy.md",
        gigabytes=3.1,
        measure=doctor_accuracy.measure,
    ),
    Group(
        name="requirements",
        title="check and install, against pip and uv, on PyPI",
        gigabytes=3.5,
        measure=requirements.measure,
    ),
    Group(
        name="check-accuracy",
        title="predictions, held to what real pip and uv do; writes docs/check-accuracy.md",
        gigabytes=0.1,
        measure=check_accuracy.measure,
    ),
    Group(
        name="vendor-losses",
        title="how ten vendors' torches are lost, by real pip and uv; writes docs/vendor-losses.md",
        gigabytes=0.1,
        measure=vendor_losses.measure,
    ),
    Group(
        name="scan",
        title="what scan finds, where it cries wolf, and 2,000 files; writes docs/scan-accuracy.md",
        gigabytes=0.1,
        measure=scan.measure,
    ),
    Group(
        name="guard",
        title="the guard, the fronts and the start of an image, and a build that has nothing to do",
        gigabytes=1.4,
        measure=image.measure,
        needs_engine=True,
    ),
    Group(
        name="family",
        title="building all images, against Dockerfiles that are written by hand",
        gigabytes=6.8,
        measure=handwritten_dockerfile.measure,
        needs_engine=True,
    ),
    Group(
        name="large-images",
        title="doctor --image, blame and verify --static on 2 GB, against docker save",
        gigabytes=8.4,
        measure=image.measure_large,
        needs_engine=True,
    ),
    Group(
        name="registry",
        title="blame and verify --static on 100 images of a registry in one call, against each by itself",
        gigabytes=0.8,
        measure=registry.measure,
        needs_engine=True,
    ),
)
