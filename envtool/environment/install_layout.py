"""Where a wheel's files go in a prefix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from envtool.wheel.layout import Layout

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix


def get_layout(prefix: Prefix) -> Layout:
    """The folders of a prefix."""
    # A distribution's own Python has its folders elsewhere.
    below = Layout.below(prefix.path, prefix.python)
    return replace(below, site_packages=prefix.site_packages, scripts=prefix.scripts)
