"""The page of each finding: what it means, how it comes about, what to do."""

from __future__ import annotations

from importlib import resources


def list_finding_ids() -> tuple[str, ...]:
    """The ids of all findings, in order."""
    pages = resources.files("envtool.doctor").joinpath("pages")
    return tuple(sorted(path.name.removesuffix(".md") for path in pages.iterdir() if path.name.endswith(".md")))


def read_page(identity: str) -> str | None:
    """The page of a finding as Markdown, or `None` where there is no such finding."""
    if identity not in list_finding_ids():
        return None
    return resources.files("envtool.doctor").joinpath("pages", f"{identity}.md").read_text(encoding="utf-8")
