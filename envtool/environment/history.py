"""The history of an environment's torch: who changed it, when, from what, to what and why.

Format: JSON Lines, one change a line, the oldest first; `pin` is what was pinned before it. Lines that are not such
changes are passed over, and kept.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from envtool.documents import parse_json
from envtool.language import join_messages, tell
from envtool.release.pin import HISTORY_FILE, PinnedDistribution, PinOrigin, VendorPin
from envtool.transaction.unlinked_file import read_unlinked_file

SCHEMA = 1
# The newest lines that are kept.
_KEPT = 500
# Bytes that are read: thirty times what so many lines have.
_LARGEST = 32 << 20


@dataclass(frozen=True, kw_only=True)
class DistributionChange:
    """One distribution: the versions before, the version after (`None`: taken away), and the wheel it came from.

    `files` is how many files were written anew, where not all were.
    """

    distribution: str
    before: tuple[str, ...]
    after: str | None
    sha256: str | None = None
    files: int | None = None

    def __str__(self) -> str:
        before = ", ".join(self.before) or tell("(none)")
        if self.files is not None:
            return tell("{name} {before}: {count} files", name=self.distribution, before=before, count=self.files)
        after = self.after or tell("(taken away)")
        return tell("{name} {before} → {after}", name=self.distribution, before=before, after=after)


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One change of an environment. `time` is in UTC (ISO 8601), `pin` what was pinned before, if anything was."""

    time: str
    user: str
    command: str
    reasons: tuple[str, ...]
    changes: tuple[DistributionChange, ...]
    pin: VendorPin | None = None

    def __str__(self) -> str:
        what = join_messages("; ", map(str, self.changes)) or tell("leftovers cleared away")
        return tell(
            "{time} {command} by {user}: {what}", time=self.time, command=self.command, user=self.user, what=what
        )


def make_history_entry(command: str, reasons: tuple[str, ...], changes: tuple[DistributionChange, ...]) -> HistoryEntry:
    """The entry of a change that is being made now by this user, without what was pinned before."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return HistoryEntry(time=now, user=_describe_user(), command=command, reasons=reasons, changes=changes)


def read_history(prefix: Path) -> tuple[HistoryEntry, ...]:
    """The entries of a prefix's history, the oldest first; none where there is no history, or it cannot be read."""
    return tuple(entry for line in _read_lines(prefix / HISTORY_FILE) if (entry := _parse_entry(line)) is not None)


def append_history(path: Path, entry: HistoryEntry) -> bytes:
    """The text of the history file at `path` with one more entry."""
    pin = entry.pin
    row: dict[str, Any] = {
        "schema": SCHEMA,
        "time": entry.time,
        "user": entry.user,
        "command": entry.command,
        "reasons": entry.reasons,
        "changes": [_drop_none(asdict(change)) for change in entry.changes],
        "pin": [_drop_none(asdict(item)) for item in pin.distributions] if pin is not None else None,
        "stand-in": bool(pin is not None and pin.stand_in),
    }
    kept = list(_read_lines(path))[-_KEPT + 1 :]
    return b"".join(line + b"\n" for line in [*kept, json.dumps(row, ensure_ascii=False).encode()])


def _read_lines(path: Path) -> Iterator[bytes]:
    try:
        data = read_unlinked_file(path, _LARGEST)
    except OSError:
        return
    yield from (line for line in data.split(b"\n") if line.strip())


def _parse_entry(line: bytes) -> HistoryEntry | None:
    try:
        row = parse_json(line)
        if row["schema"] != SCHEMA:
            return None
        changes = tuple(
            DistributionChange(
                distribution=str(item["distribution"]),
                before=tuple(str(version) for version in item["before"]),
                after=item.get("after"),
                sha256=item.get("sha256"),
                files=item.get("files"),
            )
            for item in row["changes"]
        )
        reasons = tuple(str(text) for text in row["reasons"])
        return HistoryEntry(
            time=str(row["time"]),
            user=str(row["user"]),
            command=str(row["command"]),
            reasons=reasons,
            changes=changes,
            pin=_read_pin(row),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _read_pin(row: dict[str, Any]) -> VendorPin | None:
    if not row.get("pin"):
        return None
    distributions = tuple(PinnedDistribution(**item) for item in row["pin"])
    return VendorPin(distributions, PinOrigin.HISTORY, bool(row.get("stand-in")), str(row["time"]))


def _drop_none(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}


def _describe_user() -> str:
    """Name who runs this, and who they were before sudo."""
    try:
        # Takes a while to import, and some containers have no such table.
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        name = str(os.getuid())
    before = os.environ.get("SUDO_USER")
    return f"{name} (sudo by {before})" if before else name
