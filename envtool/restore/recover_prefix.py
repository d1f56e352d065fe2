"""Completes or takes back what an interrupted change left in a prefix or in the user's site-packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envtool.environment.change_scope import get_prefix_scope, get_user_site_scope
from envtool.environment.context import EnvironmentContext
from envtool.environment.search_path import find_user_site
from envtool.transaction.recovery import recover

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix


def recover_prefix(prefix: Prefix) -> bool:
    """Recover both folders that a restore works in. Returns whether there was a change to complete.

    Raises `RestoreError`.
    """
    user_site = find_user_site(prefix, EnvironmentContext())
    scopes = [get_user_site_scope(prefix, user_site)] if user_site is not None else []
    return recover(get_prefix_scope(prefix), *scopes)
