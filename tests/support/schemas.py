"""Files of other systems, held against those systems' own schemas, which check-jsonschema brings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def assert_matches_schema(file: Path, schema: str) -> None:
    """`schema` is a name that check-jsonschema knows, such as `vendor.github-workflows`."""
    command: list[str | Path] = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", schema, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
