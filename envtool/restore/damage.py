"""Finds the single files of a pinned distribution that differ from the vendor's wheel. Reads only.

A distribution whose RECORD is not the wheel's own cannot be repaired, only replaced.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envtool.doctor.checks.files import compare
from envtool.environment.install_layout import get_layout
from envtool.release.version import versions_equal
from envtool.wheel.layout import generate_commands
from envtool.wheel.record import RecordRow, digest_content, get_installed_path

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment
    from envtool.progress import Progress
    from envtool.release.pin import PinnedDistribution, VendorPin


@dataclass(frozen=True)
class FileDamage:
    """The rows of RECORD whose files are missing or changed, and how many rows there are in all.

    `is_repairable`: each of them is in the wheel, or is a command that can be made again to the letter.
    """

    rows: tuple[RecordRow, ...]
    total: int
    is_repairable: bool


def find_damage(environment: Environment, pin: VendorPin, progress: Progress) -> Mapping[str, FileDamage]:
    """Hash every file of the pinned distributions that are there in their version, and name those that differ.

    `progress` is told of bytes hashed. Left out are those that have no trustworthy RECORD.
    """
    found = {}
    for pinned in pin.distributions:
        installed = environment.find(pinned.name)
        if len(installed) == 1 and versions_equal(installed[0].version, pinned.version):
            damage = _compare_files(environment, installed[0], pinned, progress)
            if damage is not None:
                found[pinned.name] = damage
    return found


def _compare_files(
    environment: Environment, item: Distribution, pinned: PinnedDistribution, progress: Progress
) -> FileDamage | None:
    record = item.record()
    if record is None or record.malformed:
        return None
    trusted = pinned.content is not None and digest_content(record.rows) == pinned.content
    compared = compare(environment.prefix.path, item, record.rows, deep=True, progress=progress)
    if compared.outside:
        return None
    wrong = {evidence.file for evidence in (*compared.missing, *compared.changed)}
    rows = tuple(row for row in record.rows if wrong & {f"{item.site_packages}/{row.path}", _resolve_path(item, row)})
    made = dict(_list_commands(environment, item)) if any(get_installed_path(row.path) is None for row in rows) else {}
    is_repairable = trusted and all(_is_repairable(row, made) for row in rows)
    return FileDamage(rows, len(record.rows), is_repairable)


def _resolve_path(item: Distribution, row: RecordRow) -> str:
    return os.path.normpath(item.site_packages / row.path)


def _is_repairable(row: RecordRow, commands: Mapping[str, str]) -> bool:
    if row.sha256 is None:
        return False
    return get_installed_path(row.path) is not None or commands.get(row.path) == row.sha256


def _list_commands(environment: Environment, item: Distribution) -> Iterator[tuple[str, str]]:
    """The commands as this installer would make them: their path in RECORD and their sha256."""
    layout = get_layout(environment.prefix)
    for name, text in generate_commands(item.path, layout.interpreter):
        path = os.path.relpath(layout.scripts / name, layout.site_packages)
        yield path, hashlib.sha256(text).hexdigest()
