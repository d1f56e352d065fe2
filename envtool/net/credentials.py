"""Which server gets which credentials: those of an index go to its own scheme, host and port, and nowhere else.

A page may link to any server, and an answer may lead to any. requests would send a session's credentials wherever it
goes, and those of netrc's `default` to everybody.
"""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_auth_from_url

from envtool.language import tell
from envtool.net.bounds import read_content, run_with_deadline

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Origin = tuple[str, str | None, int | None]


def get_origin(address: str) -> Origin:
    """Scheme, host and port of an address; nobody's where it has no such parts."""
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", None, None


class OriginSession(requests.Session):
    """A session whose credentials do not go from one server to another by a redirect, and whose answers are bounded.

    An answer that is not streamed is read within the bounds of `net.bounds`; the beginning of one that is comes within
    the same time. Raises `DeadlineError` and `TooLargeError` besides what requests raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.headers["Accept-Encoding"] = "gzip"

    def request(self, method: Any, url: Any, **options: Any) -> Response:  # type: ignore[override]
        """Send a request, as `requests.Session` does."""
        is_streamed = options.pop("stream", None)

        def send() -> Response:
            answer = super(OriginSession, self).request(method, url, stream=True, **options)
            if not is_streamed:
                with answer:
                    read_content(answer)
            return answer

        return run_with_deadline(send, what=get_origin(str(url))[1] or tell("the server"))

    def get_redirect_target(self, resp: Response) -> str | None:
        """Where an answer leads to; the body of one that does so is never read."""
        target = super().get_redirect_target(resp)
        if target is not None:
            resp._content, resp._content_consumed = b"", True  # type: ignore[attr-defined]
            resp.close()
        return target

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """On a redirect: take away what was for the first server where the next one is another."""
        if get_origin(response.request.url or "") != get_origin(prepared_request.url or ""):
            prepared_request.headers.pop("Authorization", None)
            if isinstance(self.auth, OriginAuth):
                prepared_request.prepare_auth(self.auth)


class OriginAuth(AuthBase):
    """The credentials of an index at `address`, for its own origin only: those that are given, else netrc's.

    What an address itself carries goes to the server that it names. netrc's entry for another server, by its name, goes
    to that one where nobody on the way can read it.
    """

    def __init__(self, address: str = "", username: str | None = None, password: str = "") -> None:
        self._origin = get_origin(address) if address else None
        self._given = (username, password) if username else None

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header where the request's server has credentials."""
        found = self._find(request.url or "")
        return HTTPBasicAuth(*found)(request) if found is not None else request

    def _find(self, address: str) -> tuple[str, str] | None:
        user, password = get_auth_from_url(address)
        if user or password:
            return user, password
        is_own = self._origin is None or get_origin(address) == self._origin
        if self._given is not None and self._origin is not None and is_own:
            return self._given
        return _find_in_netrc(urlsplit(address), with_default=self._origin is not None and is_own, is_own=is_own)


def _find_in_netrc(address: SplitResult, *, with_default: bool, is_own: bool) -> tuple[str, str] | None:
    if not is_own and address.scheme != "https" and address.hostname not in LOOPBACK:
        return None
    named = os.environ.get("NETRC")
    paths = [Path(named)] if named else [Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()]
    path = next((path for path in paths if path.is_file()), None)
    if path is None or not address.hostname:
        return None
    try:
        hosts = netrc.netrc(path).hosts
    # As requests has it: a file that cannot be read, or is none, has nobody's.
    except (netrc.NetrcParseError, OSError, ValueError):
        return None
    row = hosts.get(address.hostname) or (hosts.get("default") if with_default else None)
    return (row[0] or row[1], row[2]) if row is not None else None
