"""Writes a file in one step: whoever reads it, and whoever is killed, leaves the old or the new text, never a part."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from envtool.allowed_folder import open_allowed_folder
from envtool.language import tell

# What a new file gets that has no mode of its own to keep.
_READABLE = 0o644
PRIVATE = 0o600


def write_atomic(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write `text` to `path`. Raises `OSError`, also where that is something else than a file.

    `mode` are its permissions, whatever the umask is; without, those of the file that was there, or else everybody may
    read it. A link in the place of the file is replaced, not followed; root follows links to the folder only where
    those who made them may make files there themselves.
    """
    with open_allowed_folder(path.parent) as folder:
        before = _find_mode(folder / path.name, path)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
        incoming = Path(name)
        try:
            with open(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                mode = before if mode is None else mode
                if mode != PRIVATE:
                    # mkstemp lets nobody else read what it makes.
                    os.fchmod(stream.fileno(), mode)
            incoming.replace(folder / path.name)
        finally:
            incoming.unlink(missing_ok=True)


def _find_mode(place: Path, path: Path) -> int:
    """The permissions of what is there now. Raises `OSError` for a device, a pipe or a folder."""
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return _READABLE
    if stat.S_ISLNK(mode):
        return _READABLE
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, tell("it is no regular file"), str(path))
    return mode & 0o777
