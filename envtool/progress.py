"""How long work reports how far it has come."""

from __future__ import annotations

from collections.abc import Callable

# What is worked on, how much of it is done, and how much there is: bytes or items.
Progress = Callable[[str, int, int], None]
