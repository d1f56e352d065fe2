"""The one policy for trying again, of indexes, channels, metadata and registries.

A request is repeated where there is no connection, where a server is busy or at fault, and where an answer breaks off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

import requests
import urllib3.exceptions
from requests.exceptions import ChunkedEncodingError, SSLError, Timeout
from urllib3.util import Retry

from envtool.net.bounds import BodyError, DeadlineError

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

# Tries after the first, and the seconds before each: none, then 0.6, 1.2 and so on (urllib3's `Retry`).
RETRIES = 4
BACK_OFF = 0.3
# Seconds. A server that asks for an hour is as good as down.
LONGEST_WAIT = 30.0
_TEMPORARY = (429, 500, 502, 503, 504)
_Result = TypeVar("_Result")


class BoundedRetry(Retry):
    """A retry that waits as long as the server asks (RFC 9110, Retry-After), up to `LONGEST_WAIT`."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        *rest: Any,
        **options: Any,
    ) -> Self:
        """The policy after an attempt. The rest of an answer that is not wanted, which may be endless, is not read."""
        following = super().increment(method, url, response, *rest, **options)
        if response is not None:
            response.close()
        return following

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds to wait, or `None` where the server does not say so in a way that is understood."""
        try:
            seconds = super().get_retry_after(response)
        except urllib3.exceptions.InvalidHeader:
            return None
        return None if seconds is None else min(seconds, LONGEST_WAIT)


def create_retry() -> Retry:
    """The policy for a request, until its answer begins. The last answer is returned, whatever its status."""
    return BoundedRetry(
        total=RETRIES,
        # What is no break of the connection, such as a certificate that is not trusted, does not pass.
        other=0,
        backoff_factor=BACK_OFF,
        status_forcelist=_TEMPORARY,
        raise_on_status=False,
    )


def read_with_retries(send: Callable[[], requests.Response], read: Callable[[requests.Response], _Result]) -> _Result:
    """Send a request and read its answer; both again where the answer breaks off or falls silent.

    Errors of `send` are final: its session has tried again already. Raises what the last attempt raises.
    """
    for attempt in range(RETRIES + 1):
        with send() as answer:
            try:
                return read(answer)
            except (SSLError, DeadlineError, BodyError):
                raise
            except (ChunkedEncodingError, requests.ConnectionError, Timeout, urllib3.exceptions.HTTPError):
                if attempt == RETRIES:
                    raise
        time.sleep(BACK_OFF * 2**attempt)
    raise AssertionError("the last attempt returns or raises")
