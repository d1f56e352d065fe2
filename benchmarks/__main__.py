"""Measures everything and prints one table; exit status 1 where a limit is not kept."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import doctor, image, restore
from benchmarks.timing import Row, render

PROJECT = Path(__file__).parents[1]
_FOLDER = PROJECT / ".work/bench"


def main() -> int:
    """Run all benchmarks."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=_FOLDER) as text:
        os.environ["HAC_STORE"] = f"{text}/store"
        rows += doctor.measure(Path(text))
    with tempfile.TemporaryDirectory(dir=_FOLDER) as text:
        os.environ["HAC_STORE"] = f"{text}/store"
        rows += restore.measure(Path(text))
    os.environ["HAC_STORE"] = str(PROJECT / ".work/store")
    rows.append(image.measure_build(PROJECT))
    rows.append(image.measure_guard())
    print(render(rows))
    return 0 if all(row.within for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
