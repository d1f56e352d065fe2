"""Prints a report, or writes it to a file."""

from __future__ import annotations

import os
from pathlib import Path

from envtool.atomic_file import write_atomic
from envtool.cli.terminal import make_safe, note, print_safely
from envtool.errors import EnvtoolError
from envtool.language import tell, translate
from envtool.project_settings import find_author
from envtool.regular_file import is_own_stream


def print_report(text: str, file: Path | None, *, has_commands: bool = False, is_prose: bool = False) -> None:
    """Print `text` with a line's end, or write it to `file`. The others are as `print_safely` takes them.

    Raises `EnvtoolError` where the file cannot be written.
    """
    if file is None:
        print_safely(text, has_commands=has_commands, is_prose=is_prose)
    else:
        write_output(file, text, end="\n", has_commands=has_commands)


def write_output(path: Path, text: str, *, end: str = "", has_commands: bool = False) -> None:
    """Write `text` and `end` to `path`; a reader, such as a metrics collector, sees the old or the new, never a part.

    Raises `EnvtoolError` where it cannot be written.
    """
    safe = make_safe(text, has_commands=has_commands) + end
    try:
        if is_own_stream(path):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(safe)
        elif str(path) != os.devnull:
            write_atomic(path, safe)
    except OSError as error:
        raise EnvtoolError(
            tell("{path} cannot be written", path=path),
            why=str(error.strerror),
            remedy=tell("--output FILE   (in a folder of yours)"),
        ) from error


def note_settings_author(path: Path | None, hidden: int = 0) -> None:
    """Say whose settings were followed, where they are somebody else's, and how many findings they hide.

    Also whose name the profile, which says what the vendor's torch is.
    """
    from envtool.release.select_profile import find_profile_settings

    profile = find_profile_settings()
    if profile is not None and profile != path:
        _note_author(profile, 0)
    if path is not None:
        _note_author(path, hidden)


def _note_author(path: Path, hidden: int) -> None:
    name = find_author(path)
    if name is None:
        return
    if hidden:
        text = tell(
            "the settings in {path} are of {name}, and hide {count} findings", path=path, name=name, count=hidden
        )
    else:
        text = tell("the settings in {path} are of {name}", path=path, name=name)
    note(translate(text))
