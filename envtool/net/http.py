"""How envtool speaks HTTP: as the machine is set up for it, and not at once discouraged.

Certificates are those of `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` or `SSL_CERT_FILE`, else the system's own, which has a
company's authority where certifi has not. Proxy variables are obeyed; a proxy that cannot be reached is done without.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

# Tries after the first, and the factor of the seconds between them: 0.3, 0.6, 1.2 and so on (urllib3's `Retry`).
RETRIES = 4
BACK_OFF = 0.3
_PASSING = (429, 500, 502, 503, 504)
_NO_PROXY = {"http": "", "https": ""}


def open_session() -> requests.Session:
    """A session that tries again what may pass: no connection, too many requests, a server at fault."""
    import requests
    from urllib3.util import Retry

    from envtool.net.tls import SharedContextAdapter

    session = requests.Session()
    retry = Retry(
        total=RETRIES,
        # What is no break of the connection, such as a certificate that is not trusted, does not pass.
        other=0,
        backoff_factor=BACK_OFF,
        status_forcelist=_PASSING,
        raise_on_status=False,
        # A server that asks for an hour is as good as down.
        respect_retry_after_header=False,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, SharedContextAdapter(max_retries=retry))
    session.verify = find_ca_bundle()
    return session


def get(session: requests.Session, address: str, **options: Any) -> requests.Response:
    """GET, without the proxy where that does not answer. Raises `requests.RequestException`."""
    from requests.exceptions import ProxyError

    try:
        return session.get(address, **options)
    except ProxyError:
        return session.get(address, proxies=_NO_PROXY, **options)


def find_ca_bundle() -> str | bool:
    """The bundle of certificate authorities that the machine is set up with; `True` for certifi's."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        if os.environ.get(name):
            return os.environ[name]
    return ssl.get_default_verify_paths().cafile or True
