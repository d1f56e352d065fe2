"""Keeps what a diagnosis found intact, so that the next one need not look at each of its ten thousand files.

An entry holds as long as the distribution's RECORD is the same file: inode, size, and both times, of which the change
time cannot be set back. For a distribution's files it keeps the change times of their folders, in which every file
that is added, removed or replaced leaves a trace, and the sizes of its records and of all that Python or the loader
reads. Those are compared on every run; headers and data files only by their folder. `--deep` does without the cache.

The folder is this user's own, and nobody else can enter it; a file in it that is not is not read.

Format: JSON, `{"version": 2, "entries": {subject: {"record": fingerprint, "value": ...}}}`, a file an environment. A
lost or damaged file costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from envtool.atomic_file import PRIVATE, write_atomic
from envtool.cache_folder import find_cache_root
from envtool.documents import parse_json
from envtool.environment.fingerprint import fingerprint, is_recent
from envtool.private_folder import is_private, make_private_folder
from envtool.regular_file import read_regular_file

# Raise it whenever a check that relies on the cache changes.
_VERSION = 2


class DiagnosisCache:
    """The cache of one environment. With `file` `None` nothing is found in it and nothing is kept."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._entries: dict[str, Any] = {}
        self._is_changed = False
        if file is not None and is_private(file):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                table = parse_json(read_regular_file(file))
                if table["version"] == _VERSION:
                    self._entries = dict(table["entries"])

    @property
    def is_enabled(self) -> bool:
        """Whether anything is kept at all."""
        return self._file is not None

    @property
    def file(self) -> Path | None:
        """Where it is kept."""
        return self._file

    @property
    def subjects(self) -> tuple[str, ...]:
        """What was ever kept, whether it still holds or not."""
        return tuple(self._entries)

    def get(self, subject: str, record: str) -> Any:
        """What was put in for `subject`, if the RECORD at the path `record` has not changed since; else `None`."""
        found, entry = fingerprint(record), self._entries.get(subject)
        if found is not None and isinstance(entry, dict) and entry.get("record") == list(found):
            return entry.get("value")
        return None

    def put(self, subject: str, record: str, value: Any) -> None:
        """Keep a JSON value for `subject` until the RECORD at the path `record` changes."""
        found = fingerprint(record)
        # A file that changed a moment ago may change again within one tick of its clock.
        if self._file is not None and found is not None and not is_recent(found):
            self._entries[subject] = {"record": found, "value": value}
            self._is_changed = True

    def save(self) -> None:
        """Write the file, whole or not at all. Where it cannot be written, the next diagnosis takes longer."""
        if self._file is None or not self._is_changed:
            return
        text = json.dumps({"version": _VERSION, "entries": self._entries}, separators=(",", ":"))
        with contextlib.suppress(OSError):
            write_atomic(self._file, text, mode=PRIVATE)


def open_cache(prefix: Path) -> DiagnosisCache:
    """The cache of the environment at `prefix`; one that keeps nothing where `HAC_CACHE` is `off`."""
    root = find_cache_root()
    if root is None or os.environ.get("HAC_CACHE") == "off" or not make_private_folder(root):
        return DiagnosisCache(None)
    folder = root / "doctor"
    if not make_private_folder(folder):
        return DiagnosisCache(None)
    name = str(prefix).strip("/").replace("/", "-")[-120:]
    return DiagnosisCache(folder / f"{name}.json")
