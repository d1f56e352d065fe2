"""A server of small texts on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.support.http_server import Handler, serve


@contextmanager
def serve_texts(texts: Mapping[str, str]) -> Iterator[str]:
    """Serve each text at its path; the value is the server's address."""

    class TextHandler(Handler):
        def answer(self) -> None:
            text = texts.get(self.path)
            self.send(200 if text is not None else 404, (text or "").encode())

    with serve(TextHandler) as port:
        yield f"http://127.0.0.1:{port}"
