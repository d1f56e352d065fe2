"""What `envtool doctor` is asked for: apart from what it does, so that the other commands need not import that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Format(StrEnum):
    """How to print a report."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    PROMETHEUS = "prometheus"


@dataclass(frozen=True)
class DoctorRequest:
    """The options of `envtool doctor`. `driver` is `None` where its program is to be asked if there is one."""

    prefix: Path | None = None
    python: Path | None = None
    image: str | None = None
    container: str | None = None
    deep: bool = False
    probe: bool = False
    time_limit: float | None = None
    driver: bool | None = None
    format: Format = Format.TEXT
    output: Path | None = None
    ignore: tuple[str, ...] = ()
    strict: bool = False
    fix: bool = False
    quiet: bool = False
