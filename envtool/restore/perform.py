"""RestorePlan → Outcome: stage, write the journal, swap, verify. The only module here that changes a prefix."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from envtool.doctor.checks.files import compare
from envtool.environment.distribution import Distribution
from envtool.environment.leftover import STAGING_NAME
from envtool.environment.prefix import Prefix
from envtool.environment.reader import read_environment
from envtool.errors import RestoreError
from envtool.install.journal import Step, carry_out, delete, journal_steps, recover_journal, write_journal
from envtool.install.layout import Layout, Place, keep_foreign_files, stage_wheel
from envtool.install.unpack import WheelContents, read_contents
from envtool.restore.exclusive import alone, reported
from envtool.restore.plan import RestorePlan, foreign_files
from envtool.vendor.pin import PIN_FILE, VendorPin, render_pin

HISTORY_FILE = Path("etc/hac/history.jsonl")


@dataclass(frozen=True)
class Outcome:
    """What a restore did: the names of the distributions that were put in place."""

    changed: tuple[str, ...]


def recover(prefix: Prefix) -> bool:
    """Complete a restore that was cut off, take an install back, or clear away what had not begun to change anything.

    Returns whether there was one to complete. Raises `RestoreError`.
    """
    staging = prefix.site_packages / STAGING_NAME
    if not os.path.lexists(staging):  # Path.exists follows links
        return False
    with reported(prefix), alone(prefix):
        return recover_journal(staging)


def perform(plan: RestorePlan, *, reason: str, progress: Callable[[str, int, int], None]) -> Outcome:
    """Carry a plan out. `progress` is told of a distribution's name, bytes written and bytes in all.

    The plan must come from an environment that was read after `recover`. Raises `SourceError` or `HashError`
    for an unsound wheel and `RestoreError` where the prefix cannot be written; the environment is as it was
    then, or, once the journal is written, will be completed by the next `recover`.
    """
    prefix = plan.environment.prefix
    contents = [read_contents(item.wheel) for item in plan.replacements]
    with reported(prefix), alone(prefix):
        staging = prefix.site_packages / STAGING_NAME
        # Outside of the clean-up: a folder that is there already may hold another restore's journal.
        staging.mkdir(mode=0o755)
        try:
            steps = _stage(plan, contents, staging, progress)
            write_journal(staging, steps)
        except BaseException:
            delete(staging)
            raise
        carry_out(steps, staging / "trash")
        _verify(plan)
        _note(plan, reason)
        delete(staging)
    return Outcome(tuple(item.name for item in plan.replacements))


def keep_pin(prefix: Prefix, pin: VendorPin) -> None:
    """Make `pin` the prefix's own. Raises `RestoreError` where the prefix cannot be written."""
    path = prefix.path / PIN_FILE
    with reported(prefix):
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming = path.with_suffix(".incoming")
        incoming.write_text(render_pin(pin))
        incoming.replace(path)


def _stage(
    plan: RestorePlan,
    contents: list[WheelContents],
    staging: Path,
    progress: Callable[[str, int, int], None],
) -> tuple[Step, ...]:
    prefix = plan.environment.prefix
    replaced = {item.name for item in plan.replacements}
    removals = list(plan.leftovers)
    places: list[Place] = []
    for item, wheel in zip(plan.replacements, contents, strict=True):
        report = _counter(item.name, wheel.size, progress)
        places += stage_wheel(wheel, _layout(prefix), staging, requested=True, progress=report)
        removals += item.remove
        tree = staging / item.name
        for top in [entry.name for entry in tree.iterdir() if entry.is_dir()]:
            keep_foreign_files(tree, prefix.site_packages, foreign_files(plan.environment, top, replaced))
    return journal_steps(removals, places)


def _layout(prefix: Prefix) -> Layout:
    # A distribution's own Python has its folders elsewhere.
    below = Layout.below(prefix.path, prefix.python)
    return replace(below, site_packages=prefix.site_packages, scripts=prefix.scripts)


def _counter(name: str, total: int, progress: Callable[[str, int, int], None]) -> Callable[[int], None]:
    progress(name, 0, total)
    return lambda count: progress(name, count, total)


def _verify(plan: RestorePlan) -> None:
    """Hold what is now installed against its RECORD; every file's hash was checked when it was written."""
    environment = read_environment(plan.environment.prefix)
    for item in plan.replacements:
        installed: tuple[Distribution, ...] = environment.find(item.name)
        record = installed[0].record() if len(installed) == 1 else None
        if record is not None:
            damage = compare(
                environment.prefix.path,
                installed[0],
                record.rows,
                deep=False,
                progress=lambda _name, _bytes, _total: None,
            )
            if damage.missing or damage.changed:
                record = None
        if record is None:
            raise RestoreError(
                f"{item.name} was put in place but does not agree with its RECORD",
                why="something else wrote to site-packages at the same time",
                remedy="envtool restore --force",
            )


def _note(plan: RestorePlan, reason: str) -> None:
    """Keep the pin, and add to the prefix's history what was changed."""
    prefix = plan.environment.prefix
    keep_pin(prefix, plan.pin)
    with open(prefix.path / HISTORY_FILE, "a") as stream:
        for item in plan.replacements:
            row = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "user": os.getuid(),
                "distribution": item.name,
                "from": list(item.present),
                "to": item.wheel.name.version,
                "sha256": item.wheel.sha256,
                "why": reason,
            }
            stream.write(json.dumps(row) + "\n")
