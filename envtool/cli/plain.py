"""Commands in their plain forms, without Typer, whose import takes longer than a whole diagnosis.

Only what is spelled as below is taken; everything else, mistakes and `--help` among it, is Typer's. A test holds the
two to the same request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envtool.cli.doctor_request import DoctorRequest

_DOCTOR: Mapping[str, tuple[str, bool]] = {
    "--deep": ("deep", True),
    "--strict": ("strict", True),
    "--driver": ("driver", True),
    "--no-driver": ("driver", False),
}
_PREFIX = {"--prefix": "prefix", "-p": "prefix"}
_PYTHON = {"--python": "python"}
_FORMAT = {"--format": "format"}


def plain_doctor(arguments: Sequence[str]) -> DoctorRequest | None:
    """What `envtool ARGUMENTS` asks of doctor, or `None` where Typer is to read it."""
    from envtool.cli.doctor_request import DoctorRequest, Format

    quiet, words = _of_command("doctor", arguments)
    fields = _fields(words, _DOCTOR, _PREFIX | _PYTHON | _FORMAT, {format.value: format for format in Format})
    return DoctorRequest(quiet=quiet, **fields) if fields is not None else None


def _of_command(command: str, arguments: Sequence[str]) -> tuple[bool, Sequence[str] | None]:
    """Whether `--quiet` comes first, and the words after the command, or `None` where it is another one."""
    quiet = list(arguments[:1]) in (["--quiet"], ["-q"])
    words = arguments[1:] if quiet else arguments
    return quiet, words[1:] if list(words[:1]) == [command] else None


def _fields(
    words: Sequence[str] | None,
    flags: Mapping[str, tuple[str, bool]],
    values: Mapping[str, str],
    formats: Mapping[str, object],
) -> dict[str, Any] | None:
    """The fields that words give a request, or `None` where one is not among these."""
    if words is None:
        return None
    fields: dict[str, Any] = {}
    rest: Iterator[str] = iter(words)
    for word in rest:
        if word in flags:
            name, flag = flags[word]
            fields[name] = flag
            continue
        name, value = values.get(word, ""), next(rest, "")
        if not name or not value or value.startswith("-") or (name == "format" and value not in formats):
            return None
        fields[name] = formats[value] if name == "format" else Path(value)
    return fields
