"""Which jobs of a workflow of GitHub's run on machines of one's own: those may be the service's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.scan.configuration_reader import Setting

# GitHub's own machines, "About GitHub-hosted runners", and what only the run will know.
_HOSTED = re.compile(r"^(?:ubuntu|windows|macos)-|\$\{\{")


def list_own_jobs(settings: Sequence[Setting]) -> list[Setting]:
    """The settings of the jobs whose runners nobody but the project has."""
    own = {
        setting.keys[1]
        for setting in settings
        if len(setting.keys) == 3 and setting.keys[0] == "jobs" and setting.keys[2] == "runs-on" and _is_own(setting)
    }
    return [setting for setting in settings if setting.keys[0] == "jobs" and own.intersection(setting.keys[1:2])]


def _is_own(setting: Setting) -> bool:
    labels = setting.value if isinstance(setting.value, list) else [setting.value]
    return "self-hosted" in labels or not any(label is None or _HOSTED.search(str(label)) for label in labels)
