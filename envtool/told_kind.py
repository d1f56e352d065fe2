"""A kind of thing that a person is told of: its id, how bad it is, its title, and the page that explains it."""

from __future__ import annotations

from enum import Enum
from importlib import resources


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

    def read_page(self) -> str:
        """The page as Markdown: what it means, how it comes about, what to do."""
        room = type(self).__module__.rpartition(".")[0]
        text = resources.files(room).joinpath("pages", f"{self.id}.md").read_text(encoding="utf-8")
        return f"# {self.id}: {self.title}\n\nSeverity: {self.severity.value}\n\n{text}"
