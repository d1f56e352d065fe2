"""Puts the pinned vendor wheels back into an environment, as one transaction."""
