"""Runs tests of the checkout whose recorded properties a table is made of."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

from benchmarks.commands import run_command
from tests.corpus.sample import ENVIRONMENT_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path


def run_tests(project: Path, report: Path, *arguments: str) -> ElementTree.Element:
    """The root of pytest's JUnit report, of all cases; what pytest says of failures is shown. Raises `CommandError`."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", f"--junitxml={report}"]
    done = run_command([*command, *arguments], variables={ENVIRONMENT_VARIABLE: "1"}, folder=project, statuses=(0, 1))
    if done.returncode:
        print(done.stdout, file=sys.stderr, flush=True)
    return ElementTree.parse(report).getroot()
