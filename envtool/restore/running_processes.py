"""Which processes have an environment's torch loaded: they go on with the old files, which stay until they end.

Source: proc_pid_maps(5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix


@dataclass(frozen=True)
class Process:
    """A process, by its number and its command line."""

    pid: int
    command: str


def find_processes(prefix: Prefix, names: Iterable[str]) -> tuple[Process, ...]:
    """The processes that this user may look into and that have a file of the named packages mapped."""
    folders = tuple(f" {prefix.site_packages.resolve()}/{name}/" for name in names)
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            maps = (folder / "maps").read_text(errors="replace")
            if any(text in maps for text in folders):
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                found.append(Process(int(folder.name), b" ".join(words).decode("utf-8", "replace")[:120]))
        except OSError:
            # It has ended meanwhile, or is another user's.
            continue
    return tuple(sorted(found, key=lambda process: process.pid))
