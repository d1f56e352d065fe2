"""The environment's own torch as a build sees it: wheels that hold nothing but the way to what is installed.

A project that names torch among what its build needs would be built against another torch, fetched from an index.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.requirements.build_stubs import write_stub_wheel
from envtool.temporary_folder import temporary_folder
from envtool.transaction.owner import lend

if TYPE_CHECKING:
    from envtool.requirements.target import Target


@dataclass(frozen=True)
class BuildLinks:
    """`constraints` is a file that has installers build with the links; `folder` is for PYTHONPATH, to the same end."""

    constraints: Path
    folder: Path


@contextmanager
def build_links(target: Target) -> Iterator[BuildLinks]:
    """Links to the installed ones of the pinned distributions, for as long as the context lasts.

    A `.pth` file (Python documentation, `site`) in a build's environment adds the environment's site-packages to the
    end of its path, so that what the build was given itself comes first. `sitecustomize` does that for a build that
    imports torch without having named it.
    """
    with temporary_folder() as folder:
        start = folder / "start"
        start.mkdir()
        lines, places = [], []
        for item in target.pin.distributions:
            installed = target.installed.get(item.name)
            if installed is None or installed.version != item.version:
                continue
            place = str(installed.path.parent)
            places.append(place)
            wheel = folder / f"{item.name}-{item.version}-py3-none-any.whl"
            write_stub_wheel(wheel, item.name, item.version, {f"{item.name}-of-the-environment.pth": f"{place}\n"})
            lines.append(f"{item.name} @ {wheel.as_uri()}\n")
        (start / "sitecustomize.py").write_text(
            f"import sys\n\nsys.path += {sorted(set(places))!r}\n", encoding="utf-8"
        )
        constraints = folder / "build-constraints.txt"
        constraints.write_text("".join(lines), encoding="utf-8")
        lend(target.owner, start)
        lend(target.owner, folder)
        yield BuildLinks(constraints, start)
