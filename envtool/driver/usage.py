"""How long which flavour was held, as an estimate from the log of looks; pure but for reading files.

A look stands for the time until the next one. What lies between two looks that are further apart than their interval
allows was not watched, and does not count; nor does what follows a look that failed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from envtool.documents import parse_json, parse_toml
from envtool.errors import DriverError
from envtool.language import tell
from envtool.regular_file import open_regular_file, read_regular_text

LOG_SCHEMA = "hac-envtool/jobs-log/1"
# Seconds that a look may be late because the driver's program or the machine is slow.
_PATIENCE = 30.0
_DAY = 86400.0
_BLOCK = 1 << 16
# Bytes of a line and of a file of prices.
_LONGEST_LINE = 1 << 20
_PRICES_LIMIT = 1 << 20
_PER = {"minute": 1.0, "hour": 60.0}


@dataclass(frozen=True, kw_only=True)
class Look:
    """One line of the log. `held` has each accelerator that a job held, with its flavour and whether no job worked.

    It is `None` for a look that failed. `interval` is the seconds until the next look was due.
    """

    time: datetime
    interval: float
    held: Mapping[str, tuple[str, bool]] | None


@dataclass(frozen=True, kw_only=True)
class UsageRow:
    """The minutes of a flavour on a day; `idle` is the part of them without work, `cost` what they come to."""

    day: str
    flavor: str
    minutes: float
    idle: float
    cost: float | None = None


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """A person's own prices by flavour, in lower case, for a minute."""

    currency: str
    by_flavor: Mapping[str, float]

    def find(self, flavor: str) -> float | None:
        """The price of a minute, where there is one."""
        return self.by_flavor.get(flavor.lower())


@dataclass
class UsageTally:
    """Sums looks in the order of their time."""

    looks: int = 0
    failures: int = 0
    unreadable: int = 0
    _seconds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    _previous: Look | None = None

    def add(self, look: Look | None) -> None:
        """Count a look; `None` is a line that cannot be read."""
        if look is None:
            self.unreadable += 1
            return
        self.looks += 1
        self.failures += look.held is None
        before, self._previous = self._previous, look
        if before is None or not before.held:
            return
        passed = (look.time - before.time).total_seconds()
        if 0 < passed <= 2 * before.interval + _PATIENCE:
            for day, seconds in _split_days(before.time, passed):
                for flavor, is_idle in before.held.values():
                    sums = self._seconds.setdefault((day, flavor), [0.0, 0.0])
                    sums[0] += seconds
                    sums[1] += seconds if is_idle else 0.0

    def list_rows(self, prices: PriceList | None = None) -> tuple[UsageRow, ...]:
        """The sums by day and flavour."""
        rows = []
        for (day, flavor), (seconds, idle) in sorted(self._seconds.items()):
            price = prices.find(flavor) if prices is not None else None
            cost = None if price is None else round(price * seconds / 60, 2)
            rows.append(
                UsageRow(day=day, flavor=flavor, minutes=round(seconds / 60, 2), idle=round(idle / 60, 2), cost=cost)
            )
        return tuple(rows)


class LogReader:
    """Reads a log that grows: each call gives the lines that came since the last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = (0, 0)
        self._offset = 0

    def read_new(self) -> Iterator[bytes]:
        """The new lines that are whole. Raises `OSError`: no regular file, or not to be read."""
        handle = open_regular_file(self._path)
        try:
            found = os.fstat(handle)
            # Another file has come in its place, or it was emptied.
            if (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset:
                self._file, self._offset = (found.st_dev, found.st_ino), 0
            os.lseek(handle, self._offset, os.SEEK_SET)
            rest, is_too_long = b"", False
            while block := os.read(handle, _BLOCK):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    self._offset += len(line) + 1
                    yield b"" if is_too_long else line
                    is_too_long = False
                if len(rest) > _LONGEST_LINE:
                    self._offset += len(rest)
                    rest, is_too_long = b"", True
        finally:
            os.close(handle)


def parse_look(line: bytes) -> Look | None:
    """A line of the log, or `None` where it is none."""
    try:
        row = parse_json(line)
        if not isinstance(row, dict) or row.get("schema") != LOG_SCHEMA:
            return None
        moment, interval = datetime.fromisoformat(row["time"]), float(row["interval"])
        if moment.tzinfo is None or not 0 < interval <= _DAY:
            return None
        held = None if row.get("error") is not None else dict(_read_held(row["devices"]))
        return Look(time=moment, interval=interval, held=held)
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError):
        return None


def _read_held(devices: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, bool]]]:
    for device in devices:
        states = [str(job["state"]) for job in device["jobs"]]
        if states:
            yield str(device["id"]), (str(device["flavor"]), all(state not in _AT_WORK for state in states))


# States in which a job is taken to work: what is not known may.
_AT_WORK = frozenset({"working", "unknown"})


def format_look(moment: datetime, interval: float, devices: list[dict[str, Any]] | None, error: str = "") -> str:
    """A line of the log, without its end."""
    row: dict[str, Any] = {
        "schema": LOG_SCHEMA,
        "time": moment.isoformat(timespec="milliseconds"),
        "interval": interval,
    }
    return json.dumps({**row, "devices": devices} if devices is not None else {**row, "error": error})


def _split_days(begin: datetime, seconds: float) -> Iterator[tuple[str, float]]:
    """The part of a time that falls on each day, as the log's own clock has them."""
    while seconds > 0:
        midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        part = min(seconds, (midnight - begin).total_seconds())
        yield begin.date().isoformat(), part
        begin, seconds = midnight, seconds - part


def read_usage(path: Path) -> UsageTally:
    """The sums of a whole log, read line by line. Raises `DriverError` where it cannot be read."""
    tally = UsageTally()
    try:
        for line in LogReader(path).read_new():
            tally.add(parse_look(line))
    except OSError as error:
        raise DriverError(
            tell("the log {path} cannot be read", path=path),
            why=str(error.strerror),
            remedy=f"envtool jobs --watch --log {path}",
        ) from error
    return tally


def read_prices(path: Path) -> PriceList:
    """A file of prices, in TOML. Raises `DriverError` where it is none."""
    remedy = tell('per = "minute", currency = "KRW" and a table [prices] with lines such as "Small.64GB" = 10')
    try:
        table = parse_toml(read_regular_text(path, _PRICES_LIMIT))
    except OSError as error:
        raise DriverError(
            tell("the prices {path} cannot be read", path=path), why=str(error.strerror), remedy=remedy
        ) from error
    except ValueError as error:
        raise DriverError(tell("the prices {path} are no TOML", path=path), why=str(error), remedy=remedy) from error
    prices, per = table.get("prices"), table.get("per", "minute")
    if not isinstance(prices, dict) or not isinstance(per, str) or per not in _PER:
        raise DriverError(
            tell("{path} has no prices", path=path),
            why=tell("it lacks [prices], or `per` is not minute or hour"),
            remedy=remedy,
        )
    by_flavor = {}
    for flavor, price in prices.items():
        if isinstance(price, bool) or not isinstance(price, int | float) or not (math.isfinite(price) and price >= 0):
            raise DriverError(
                tell("the price of {flavor} in {path} is none", flavor=flavor, path=path),
                why=tell("it is {price!r}", price=price),
                remedy=remedy,
            )
        by_flavor[flavor.lower()] = price / _PER[per]
    return PriceList(currency=str(table.get("currency", "")), by_flavor=by_flavor)
