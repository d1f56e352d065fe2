"""Reads an installed environment from disk. Nothing in it is imported or run."""
