"""Measures everything and prints one table; exit status 1 where a limit is not kept."""

from __future__ import annotations

import compileall
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import by_hand, doctor, image, predictions, requirements, restore, truth
from benchmarks.timing import Row, render

PROJECT = Path(__file__).parents[1]
_FOLDER = PROJECT / ".work/bench"


def main() -> int:
    """Run all benchmarks."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    # As an installed tool has it; a checkout may never have been allowed to write it.
    compileall.compile_dir(PROJECT / "envtool", quiet=1)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=_FOLDER) as text:
        folder = Path(text)
        os.environ["HAC_STORE"] = f"{folder}/store"
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        wheel, limit = restore.vendor_wheel(folder), ""
        rows += _told(doctor.measure(folder, wheel))
        if wheel is not None:
            restored, limit = restore.measure(folder, wheel)
            rows += _told(restored)
        shares, growth = doctor.phases(folder / "300/environment"), doctor.growth(folder / "growth")
        table = truth.measure(PROJECT, folder)
        asked = requirements.measure(folder / "requirements")
        rows += _told(asked.rows)
        foretold = predictions.measure(PROJECT, folder)
        store, os.environ["HAC_STORE"] = os.environ["HAC_STORE"], str(PROJECT / ".work/store")
        rows += _told([image.measure_build(PROJECT), *image.measure_guard()])
        rows += _told(by_hand.measure(PROJECT, folder / "by-hand"))
        os.environ["HAC_STORE"] = store
        rows += _told(image.measure_large(folder / "300/environment", folder / "image"))
    print(render(rows), limit, asked.text, shares, growth, table.text, foretold.text, sep="\n\n")
    return 0 if all(row.within for row in rows) and table.holds and foretold.holds else 1


def _told(rows: Sequence[Row]) -> Sequence[Row]:
    """The rows, shown at once: until all are there takes most of an hour."""
    print(render(rows), file=sys.stderr, end="\n\n", flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
