"""The formats of a report. Apart from what writes them, so that a command line is read without importing that."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How to print a report."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    PROMETHEUS = "prometheus"


class CheckFormat(StrEnum):
    """How to print what `envtool check` predicts."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class BlameFormat(StrEnum):
    """How to print what changed torch in an image."""

    TEXT = "text"
    JSON = "json"


class JobsFormat(StrEnum):
    """How to print what holds the accelerator."""

    TEXT = "text"
    JSON = "json"
    PROMETHEUS = "prometheus"


class ScanFormat(StrEnum):
    """How to print what `envtool scan` found."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"


class PlainFormat(StrEnum):
    """How to print what has no form of another system's."""

    TEXT = "text"
    JSON = "json"


class FleetFormat(StrEnum):
    """How to print what many machines and images said."""

    TEXT = "text"
    JSON = "json"
