"""Writes a file in one step: whoever reads it, and whoever is killed, leaves the old or the new text, never a part."""

from __future__ import annotations

import tempfile
from pathlib import Path

# What a new file gets that has no mode of its own to keep.
_READABLE = 0o644
PRIVATE = 0o600


def write_atomic(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write `text` to `path`. Raises `OSError`.

    `mode` are its permissions, whatever the umask is; without, those of the file that was there, or else everybody may
    read it.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    incoming = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        if mode is None:
            mode = path.stat().st_mode & 0o777 if path.is_file() else _READABLE
        if mode != PRIVATE:
            # mkstemp lets nobody else read what it makes.
            incoming.chmod(mode)
        incoming.replace(path)
    finally:
        incoming.unlink(missing_ok=True)
