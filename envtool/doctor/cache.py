"""What an earlier diagnosis found in order, so that the next one need not look at each of its ten thousands of files.

A distribution is recognised by its RECORD's identity: inode, size and both times, of which the change time cannot be
set back. What is remembered of one that was in order: its folders with their change times, in which every file that
comes, goes or is replaced leaves a trace, and the sizes of its records and of what Python or the loader would read.
Those files are looked at each time; headers and data only by their folder. `--deep` neither reads nor writes it. The
memory is a cache: lost, damaged or of another version it costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from envtool.environment.fingerprint import TreeFingerprint, doctor_cache_dir, fingerprint, is_recent
from envtool.environment.looking import saw

# Bumped whenever the checks that rely on it change; another version's memory is forgotten.
_VERSION = 1


class DiagnosisCache:
    """The memory of one environment. `file` is `None` where nothing is to be kept."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[str, Any] = {}
        self._changed = False
        # What was vouched for in this diagnosis: site-packages, and the traces in it.
        self.vouched: list[tuple[str, TreeFingerprint]] = []
        if file is not None:
            try:
                table = json.loads(file.read_bytes())
                if table["version"] == _VERSION:
                    self._known = dict(table["known"])
            except (OSError, ValueError, KeyError, TypeError):
                self._known = {}

    @property
    def is_enabled(self) -> bool:
        """Whether anything is kept at all."""
        return self._file is not None

    def get(self, subject: str, record: str) -> Any:
        """What was kept of `subject` when the RECORD at the path `record` was the same file as now; else `None`."""
        saw(record)
        entry, found = self._known.get(subject), fingerprint(record)
        if found is not None and isinstance(entry, dict) and entry.get("identity") == list(found):
            return entry.get("value")
        return None

    def put(self, subject: str, record: str, value: Any) -> None:
        """Keep something of a subject, until its RECORD changes."""
        found = fingerprint(record)
        if self._file is not None and found is not None and not is_recent(found):
            self._known[subject] = {"identity": found, "value": value}
            self._changed = True

    def save(self) -> None:
        """Write the memory, whole or not at all; where that cannot be, it is lost."""
        if self._file is None or not self._changed:
            return
        text = json.dumps({"version": _VERSION, "known": self._known}, separators=(",", ":"))
        part = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                part.write_text(text)
                part.replace(self._file)
            finally:
                part.unlink(missing_ok=True)


def open_cache(prefix: Path) -> DiagnosisCache:
    """The memory of the environment at `prefix`, in the user's cache folder; none where `HAC_CACHE` is `off`."""
    folder = doctor_cache_dir()
    name = str(prefix).strip("/").replace("/", "-")[-120:]
    return DiagnosisCache(Path(folder) / f"{name}.json" if folder else None)
