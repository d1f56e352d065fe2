"""A private wheel index (PEP 503) over a folder of wheels, with HTTP basic authentication; runs in a container."""

import base64
import hashlib
import http.server
import os
import pathlib
import re
import sys

FOLDER = pathlib.Path(sys.argv[1])
CREDENTIALS = base64.b64encode(f"{os.environ['INDEX_USERNAME']}:{os.environ['INDEX_PASSWORD']}".encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers project pages below /simple/ and wheels below /files/."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Basic {CREDENTIALS}":
            self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="wheels"'})
            return
        path = self.path.replace("%2B", "+")
        if path.startswith("/files/"):
            wheel = FOLDER / pathlib.PurePosixPath(path).name
            self._answer(200, wheel.read_bytes()) if wheel.is_file() else self._answer(404, b"")
            return
        name = path.strip("/").split("/")[-1]
        found = [item for item in sorted(FOLDER.glob("*.whl")) if _project(item) == name]
        links = [f'<a href="/files/{w.name}#sha256={_sha256(w)}">{w.name}</a>' for w in found]
        page = "<!DOCTYPE html><html><body>" + "".join(links) + "</body></html>"
        self._answer(200 if found else 404, page.encode(), {"Content-Type": "text/html"})

    def _answer(self, status: int, body: bytes, headers: "dict[str, str] | None" = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _project(wheel: pathlib.Path) -> str:
    return re.sub(r"[-_.]+", "-", wheel.name.split("-", 1)[0]).lower()


def _sha256(wheel: pathlib.Path) -> str:
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
