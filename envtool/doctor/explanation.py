"""The page of each kind of finding: what it means, how it comes about, what to do."""

from __future__ import annotations

from importlib import resources

from envtool.doctor.finding_kind import FindingKind


def list_finding_ids() -> tuple[str, ...]:
    """The ids of all findings, in the order of their kinds."""
    return tuple(kind.id for kind in FindingKind)


def find_kind(id: str) -> FindingKind | None:
    """The kind of finding with that id."""
    return next((kind for kind in FindingKind if kind.id == id), None)


def read_page(kind: FindingKind) -> str:
    """The page of a kind of finding, as Markdown."""
    text = resources.files("envtool.doctor").joinpath("pages", f"{kind.id}.md").read_text(encoding="utf-8")
    return f"# {kind.id}: {kind.title}\n\nSeverity: {kind.severity.value}\n\n{text}"
