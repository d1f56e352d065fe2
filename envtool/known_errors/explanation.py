"""The page of each known error: what it means, how it comes about, what to do."""

from __future__ import annotations

from importlib import resources

from envtool.known_errors.error_kind import ErrorKind


def find_error_kind(id: str) -> ErrorKind | None:
    """The known error with that id."""
    return next((kind for kind in ErrorKind if kind.id == id), None)


def read_error_page(kind: ErrorKind) -> str:
    """The page of a known error, as Markdown."""
    text = resources.files("envtool.known_errors").joinpath("pages", f"{kind.id}.md").read_text(encoding="utf-8")
    return f"# {kind.id}: {kind.title}\n\nSeverity: {kind.severity.value}\n\n{text}"
