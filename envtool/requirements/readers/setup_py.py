"""setup.py: a program, so that only running it tells what the project requires."""

from __future__ import annotations

from pathlib import Path

from envtool.language import tell
from envtool.requirements.model import DependencyFile
from envtool.requirements.readers.common import make_project_set
from envtool.requirements.text_file import read_text


def read_setup_py(path: Path) -> DependencyFile:
    """One set, which the build back end has to fill. Raises `RequirementsError`."""
    read_text(path)
    return DependencyFile(path, "setup.py", (make_project_set(path),), NOT_REWRITABLE)


NOT_REWRITABLE = tell("setup.py is a program: change the lines that `envtool check` names by hand")
