"""A kind of thing that a person is told of: its id, how bad it is, its title, and the page that explains it."""

from __future__ import annotations

from enum import Enum
from importlib import resources

from envtool.language import ENGLISH, translate


class Severity(Enum):
    """How bad a finding is: an error loses the accelerator, a warning may, a note takes a protection away."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class ToldKind(Enum):
    """A kind with a page, `pages/<id>.md`, in the room of its enumeration."""

    def __init__(self, severity: Severity, title: str) -> None:
        self.severity = severity
        self.title = title

    @property
    def id(self) -> str:
        """What a person calls it: its name in lower case, with hyphens."""
        return self.name.lower().replace("_", "-")

    def read_page(self, language: str = ENGLISH) -> str:
        """The page as Markdown: what it means, how it comes about, what to do.

        In `language` where there is one, `<id>.<language>.md`, whose first line has the English page's digest.
        """
        pages = resources.files(type(self).__module__.rpartition(".")[0]).joinpath("pages")
        own = pages.joinpath(f"{self.id}.{language}.md")
        if language != ENGLISH and own.is_file():
            _digest, _end, text = own.read_text(encoding="utf-8").partition("\n")
        else:
            text = pages.joinpath(f"{self.id}.md").read_text(encoding="utf-8")
        heading = f"# {self.id}: {translate(self.title, language)}"
        return f"{heading}\n\n{translate('Severity', language)}: {translate(self.severity.value, language)}\n\n{text}"
