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
    HTML = "html"


class CheckFormat(StrEnum):
    """How to print what `envtool check` predicts."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    HTML = "html"


class BlameFormat(StrEnum):
    """How to print what changed torch in an image."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


class SbomFormat(StrEnum):
    """How to print what is in an image: as CycloneDX 1.6 in JSON, or for a person."""

    JSON = "json"
    HTML = "html"


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
    HTML = "html"


class PlainFormat(StrEnum):
    """How to print what has no form of another system's."""

    TEXT = "text"
    JSON = "json"


class FleetFormat(StrEnum):
    """How to print what many machines and images said."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
