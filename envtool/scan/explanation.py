"""The page of each kind of finding in a program: what it means, why, what to write instead."""

from __future__ import annotations

from importlib import resources

from envtool.scan.kinds import ScanKind


def find_scan_kind(id: str) -> ScanKind | None:
    """The kind of finding with that id."""
    return next((kind for kind in ScanKind if kind.id == id), None)


def read_scan_page(kind: ScanKind) -> str:
    """The page of a kind of finding, as Markdown."""
    text = resources.files("envtool.scan").joinpath("pages", f"{kind.id}.md").read_text(encoding="utf-8")
    return f"# {kind.id}: {kind.title}\n\nSeverity: {kind.severity.value}\n\n{text}"
