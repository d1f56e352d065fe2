"""`envtool doctor` in its plain forms, without Typer, whose import takes longer than the whole diagnosis.

Only what is spelled as below is taken; everything else, mistakes and `--help` among it, is Typer's. A test holds the
two to the same request.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envtool.cli.request import DoctorRequest, Format

_FLAGS = {"--deep": ("deep", True), "--strict": ("strict", True), "--driver": ("driver", True)}
_FLAGS |= {"--no-driver": ("driver", False)}
_VALUES = {"--prefix": "prefix", "-p": "prefix", "--python": "python", "--format": "format"}
_FORMATS = frozenset(format.value for format in Format)


def plain_request(arguments: Sequence[str]) -> DoctorRequest | None:
    """What `envtool ARGUMENTS` asks of doctor, or `None` where Typer is to read it."""
    words = list(arguments)
    quiet = words[:1] in (["--quiet"], ["-q"])
    words = words[1:] if quiet else words
    if words[:1] != ["doctor"]:
        return None
    fields: dict[str, Any] = {"quiet": quiet}
    rest = iter(words[1:])
    for word in rest:
        if word in _FLAGS:
            name, flag = _FLAGS[word]
            fields[name] = flag
            continue
        name, value = _VALUES.get(word, ""), next(rest, "")
        if not name or not value or value.startswith("-") or (name == "format" and value not in _FORMATS):
            return None
        fields[name] = Format(value) if name == "format" else Path(value)
    return DoctorRequest(**fields)
