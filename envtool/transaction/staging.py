"""The name of the folder in which a change to a prefix is staged."""

from __future__ import annotations

# It lies in site-packages: only there is a rename sure to stay on one file system.
STAGING_NAME = ".hac-restore"
