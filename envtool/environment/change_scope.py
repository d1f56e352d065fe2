"""What a change of an environment, or of the user's own site-packages, may touch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envtool.release.pin import PIN_FILE
from envtool.transaction.scope import ChangeScope

if TYPE_CHECKING:
    from envtool.environment.prefix import Prefix


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
