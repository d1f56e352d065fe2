"""Where a change to a prefix is staged."""

from __future__ import annotations

# The folder a restore works in. It lies beside the distributions, because only there a rename is sure to stay
# on one file system.
STAGING_NAME = ".hac-restore"
