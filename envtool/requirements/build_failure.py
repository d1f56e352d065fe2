"""What uv says of a build that failed: of whose, and with which error of its own."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from envtool.language import tell
from envtool.printable import shorten_end

_SUBJECT = re.compile(r"Failed to (?:download and |fetch and )?build:? `([^`]+)`")
_ERROR = re.compile(r"\w[\w.]*(?:Error|Exception|Exit)\b")
# Characters of an error that are shown.
_LONGEST = 600
_LAST_LINES = 4


@dataclass(frozen=True)
class BuildFailure:
    """`project` is what was built, as uv names it: `NAME==VERSION` or `NAME @ ADDRESS`."""

    project: str
    why: str

    @property
    def name(self) -> str:
        """The project's name."""
        return re.split(r"==| @ ", self.project, maxsplit=1)[0].strip()

    @property
    def remedy(self) -> str:
        """The command that shows the whole build."""
        _name, _at, address = self.project.partition(" @ ")
        place = unquote(urlsplit(address).path) if address.startswith("file:") else address or self.project
        return tell("{command}   (shows the whole build)", command=shlex.join(["pip", "wheel", "--no-deps", place]))


def find_build_failure(text: str) -> BuildFailure | None:
    """The build that uv's message is about, or `None` where it is about something else."""
    match = _SUBJECT.search(text)
    if match is None or "No solution found" in text[: match.start()]:
        return None
    return BuildFailure(match[1], find_reported_error(text[match.end() :]))


def find_reported_error(text: str) -> str:
    """The error in uv's words about a build, without the hints that uv adds."""
    return find_last_error(re.split(r"\nhint:", text)[0])


def find_last_error(said: str) -> str:
    """The last line that names an error, as those of Python do below a traceback; else the last lines."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if _ERROR.match(line)), "")
    return shorten_end(last or " ".join(lines[-_LAST_LINES:]), _LONGEST)
