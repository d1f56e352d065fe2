"""Prints a report, or writes it to a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from envtool.cli.terminal import make_safe, print_safely
from envtool.errors import EnvtoolError


def print_report(text: str, file: Path | None, *, has_commands: bool = False, is_prose: bool = False) -> None:
    """Print `text` with a line's end, or write it to `file`. The others are as `print_safely` takes them.

    Raises `EnvtoolError` where the file cannot be written.
    """
    if file is None:
        print_safely(text, has_commands=has_commands, is_prose=is_prose)
    else:
        write_atomic(file, f"{text}\n", has_commands=has_commands)


def write_atomic(path: Path, text: str, *, has_commands: bool = False) -> None:
    """Write `text` to `path`; a reader, such as a metrics collector, sees the old or the new text, never a part.

    Raises `EnvtoolError` where it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as stream:
                stream.write(make_safe(text, has_commands=has_commands))
            # mkstemp lets nobody else read what it makes; a file that was there keeps its mode.
            Path(name).chmod(path.stat().st_mode & 0o777 if path.is_file() else 0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EnvtoolError(
            f"{path} cannot be written", why=str(error.strerror), remedy="--output FILE   (in a folder of yours)"
        ) from error
