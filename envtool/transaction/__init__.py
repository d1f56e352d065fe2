"""Every change to a prefix: lock, staging, journal, permissions, and what survives a loss of power."""
