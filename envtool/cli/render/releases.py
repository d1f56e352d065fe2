"""The releases that an environment can have, as `envtool list --releases` and its older name print them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envtool.language import phrase, translate
from envtool.printable import join_lines, pad

if TYPE_CHECKING:
    from envtool.restore.upgrade import ReleaseOverview


def render_releases(overview: ReleaseOverview) -> str:
    """What is installed and pinned, and a line for each release, with what stands against it."""
    from envtool.release.version import versions_equal

    pin = overview.pin
    lines = [render_installed(overview)]
    if pin is not None:
        lines.append(f"{pad(phrase('Pinned:'), 20)} {pin.version}   ({translate(pin.origin.value)})")
    if not overview.releases:
        lines.append(phrase("no vendor source has a release: envtool vendor add FOLDER_OR_INDEX"))
    for item in overview.releases:
        is_installed = any(versions_equal(item.version.text, version) for version in overview.installed)
        remark = ", ".join(filter(None, (phrase("installed") if is_installed else "", translate(item.obstacle))))
        lines.append(f"  {item.version.release!s:<12} {item.version.text:<32} {item.where}   {remark}".rstrip())
    return join_lines(lines)


def render_installed(overview: ReleaseOverview) -> str:
    """The line that says which torch is installed, in the words of the vendor's program, which scripts look for."""
    return f"Currently installed: {', '.join(overview.installed) or phrase('(none)')}"
