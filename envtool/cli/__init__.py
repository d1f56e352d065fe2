"""Parses, calls, renders. Nothing else knows Typer, and only `main` catches errors."""
