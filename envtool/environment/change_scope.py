"""What a change of an environment, or of the user's own site-packages, may touch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envtool.release.pin import PIN_FILE
from envtool.transaction.owner import find_owner
from envtool.transaction.scope import ChangeScope

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix
    from envtool.transaction.owner import Owner


def find_prefix_user(prefix: Prefix, interpreter: Path) -> Owner | None:
    """As whom root runs a prefix's interpreter: whoever has its distributions, or else the interpreter."""
    # One folder, as there is nobody to choose between; a link to root's interpreter says nothing about the rest.
    return find_owner([prefix.site_packages]) or find_owner([interpreter])


def get_prefix_scope(prefix: Prefix) -> ChangeScope:
    """A change of what is in a prefix."""
    return ChangeScope(
        prefix=prefix.path,
        lock=prefix.site_packages,
        staging_root="site-packages",
        roots={"prefix": prefix.path, "site-packages": prefix.site_packages, "scripts": prefix.scripts},
        further=(prefix.path / PIN_FILE.parent,),
    )


def get_user_site_scope(prefix: Prefix, user_site: Path) -> ChangeScope:
    """A change of the user's own site-packages (`search_path.find_user_site`), for the sake of a prefix."""
    return ChangeScope(
        prefix=prefix.path,
        lock=prefix.site_packages,
        staging_root="user-site",
        # <base>/lib/python3.X/site-packages
        roots={"user-base": user_site.parents[2], "user-site": user_site},
    )
