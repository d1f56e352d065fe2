"""A network bridge for an engine that runs beside another one, which then keeps its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


@contextmanager
def own_bridge(name: str, address: str) -> Iterator[Sequence[str]]:
    """Make a bridge, and give dockerd's options for it and for leaving the packet filter alone. Needs root.

    An engine that is told to use no bridge deletes docker0, which another engine may be using.
    """
    with suppress(subprocess.CalledProcessError):
        # It may be left over from a run that was killed.
        subprocess.run(["ip", "link", "add", name, "type", "bridge"], check=True, capture_output=True)
        subprocess.run(["ip", "address", "add", address, "dev", name], check=True, capture_output=True)
    try:
        yield ("--bridge", name, "--iptables=false")
    finally:
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)
