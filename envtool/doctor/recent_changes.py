"""How files of a distribution became others without an installer: by another's RECORD, by a link, or by their times.

Only what the files tell of themselves: a change's time is ctime, which a copy that keeps its times does not set back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.language import tell

if TYPE_CHECKING:
    from envtool.environment.distribution import Distribution
    from envtool.environment.reader import Environment

# Seconds: an installer writes RECORD last, and its own files are not much later.
_ONE_INSTALL = 60.0
# As many of the files as are asked for their times, and in others' RECORD.
_ASKED = 200


def explain_changes(environment: Environment, item: Distribution, files: Sequence[Path]) -> str | None:
    """Say how `files`, of which `item` has a RECORD, were changed or lost; `None` where nothing tells."""
    asked = files[:_ASKED]
    owners = list(_list_other_owners(environment, item, asked))
    if owners:
        return tell("the RECORD of {names} has them as well: it wrote over them", names=", ".join(owners))
    if not environment.context.is_local:
        # In an image, the times are those of its layers.
        return None
    link = next(_list_links(item, asked), None)
    if link is not None:
        return tell(
            "{path} is a link to {target}, made on {time} by no installer that keeps records",
            path=link,
            target=os.readlink(link),  # noqa: PTH115  # as it is written
            time=_format_time(_read_ctime(link)),
        )
    installed, changed = _read_ctime(item.path / "RECORD"), _find_last_change(asked)
    if installed is None or changed is None or changed < installed + _ONE_INSTALL:
        return None
    return tell(
        "they were changed on {time}, after {installer} had installed it, and no RECORD tells by what: "
        "copied, unpacked, edited or removed by hand",
        time=_format_time(changed),
        installer=item.installer,
    )


def _list_other_owners(environment: Environment, item: Distribution, files: Iterable[Path]) -> Iterator[str]:
    wanted = {os.path.relpath(path, item.site_packages) for path in files}
    for other in environment.distributions:
        if other.path == item.path or other.site_packages != item.site_packages or other.name == item.name:
            continue
        record = other.record()
        if record is not None and any(row.path in wanted for row in record.rows):
            yield other.name


def _list_links(item: Distribution, files: Iterable[Path]) -> Iterator[Path]:
    """The links on the way from site-packages to the files, each once."""
    seen: set[Path] = set()
    for path in files:
        for folder in (path, *path.parents):
            if folder == item.site_packages or folder in seen:
                break
            seen.add(folder)
            # Not Path's own: a RECORD may name what is too long to be a path.
            if os.path.islink(folder):  # noqa: PTH114
                yield folder


def _find_last_change(files: Iterable[Path]) -> float | None:
    """When the files were last changed; of one that is gone, the folder that it was in tells."""
    found: list[float] = []
    for path in files:
        changed = next((at for place in (path, *path.parents) if (at := _read_ctime(place)) is not None), None)
        if changed is not None:
            found.append(changed)
    return max(found, default=None)


def _read_ctime(path: Path) -> float | None:
    try:
        return path.lstat().st_ctime
    except (OSError, ValueError):
        return None


def _format_time(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
