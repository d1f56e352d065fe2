"""How envtool speaks HTTP: with the certificates and proxies of the machine, and one policy for trying again.

Certificates are those of `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` or `SSL_CERT_FILE`, else the system's own, which has a
company's authority where certifi has not. Proxy variables are obeyed; a proxy that cannot be reached is done without.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

_NO_PROXY = {"http": "", "https": ""}


def open_session(*, certificates: str | None = None, connections: int = 10) -> requests.Session:
    """A session that trusts `certificates`, a bundle's path, in the place of the machine's, and tries again.

    It keeps up to `connections` connections to a host for the threads that share it.
    """
    from envtool.net.credentials import OriginAuth, OriginSession

    session = configure_session(OriginSession(), certificates=certificates, connections=connections)
    session.auth = OriginAuth()
    return session


def configure_session(
    session: requests.Session, *, certificates: str | None = None, connections: int = 10
) -> requests.Session:
    """The session, made to behave as `open_session` says."""
    from envtool.net.retry import create_retry
    from envtool.net.tls import SharedContextAdapter

    for scheme in ("https://", "http://"):
        session.mount(scheme, SharedContextAdapter(max_retries=create_retry(), pool_maxsize=connections))
    session.verify = certificates or find_ca_bundle()
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
