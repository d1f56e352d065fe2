"""A server that takes requests and never answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class StallingServer:
    """Its address, and an event that is set once somebody has asked for something."""

    address: str
    was_asked: threading.Event = field(default_factory=threading.Event)


@contextmanager
def stalling_server() -> Iterator[StallingServer]:
    """Listen on loopback for the time of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = StallingServer(f"127.0.0.1:{listener.getsockname()[1]}")
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                kept.append(connection)
                threading.Thread(target=hold, args=(connection,), daemon=True).start()

        def hold(connection: socket.socket) -> None:
            if connection.recv(1 << 16):
                server.was_asked.set()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()
