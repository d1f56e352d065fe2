"""Connections that share what they trust.

requests has the certificate authorities read anew for each connection, which takes longer than the handshake itself:
25 ms with a system's usual bundle, for each of the dozens of connections that reading an index takes.
"""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

if TYPE_CHECKING:
    from requests import PreparedRequest


class SharedContextAdapter(HTTPAdapter):
    """An adapter whose connections have one TLS context for each bundle of authorities.

    The two methods are the ones that requests names for this purpose.
    """

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: bool | str, cert: str | tuple[str, str] | None = None
    ) -> tuple[Any, Any]:
        """The place, and what else tells connections apart. Raises `OSError` where the bundle cannot be read."""
        host, context = super().build_connection_pool_key_attributes(request, verify, cert)
        if verify and host["scheme"] == "https":
            context.pop("ca_certs", None)
            context.pop("ca_cert_dir", None)
            context["ssl_context"] = _trusting(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH)
        return host, context

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: str | tuple[str, str] | None) -> None:
        """Leave the authorities to the context; the rest is as it would be."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        conn.ca_certs = conn.ca_cert_dir = None


@cache
def _trusting(bundle: str) -> ssl.SSLContext:
    context = create_urllib3_context()
    if Path(bundle).is_dir():
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context
