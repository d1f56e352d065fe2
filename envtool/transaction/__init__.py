"""Changes a prefix all or nothing: lock, staging folder, journal, atomic swap, recovery."""
