"""Answers a registry's challenge with the credentials of `docker login`.

Protocols: RFC 9110 section 11, RFC 7617 (Basic), and the OCI distribution project's "Token Authentication
Specification" with its OAuth 2.0 form (Bearer). Credentials go to the registry itself, and to the token service that it
names; to that only over HTTPS, unless it is on this machine.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from envtool.documents import parse_json
from envtool.errors import SetupError
from envtool.language import tell
from envtool.net.credentials import LOOPBACK, OriginSession, get_origin
from envtool.net.http import configure_session, get

# Seconds to connect, and without a byte: a server that stalls is an error, not a wait without end.
TIMEOUTS = (10.0, 60.0)
_CHALLENGE = re.compile(r'(?P<scheme>[A-Za-z]+) +(?P<parameters>(?:[\w-]+ *= *(?:"(?:[^"\\]|\\.)*"|[^\s,"]+)[, ]*)+)')
_PARAMETER = re.compile(r'([\w-]+) *= *(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_CLIENT = "envtool"


class UnsafeTokenServiceError(requests.RequestException):
    """A registry names a token service that credentials would reach in the clear."""


def open_registry_session() -> requests.Session:
    """A session for a registry; each request needs an `auth`, or requests would look into netrc, as docker does not."""
    return configure_session(OriginSession())


@dataclass(frozen=True)
class DockerLogin:
    """What `docker login` has kept for a registry: a name with a password, or a token to ask for tokens with."""

    username: str
    password: str
    identity_token: str = ""


class RegistryAuth(AuthBase):
    """The authorization of the requests for one repository: none until the registry asks for it."""

    def __init__(self, registry: str, address: str, repository: str) -> None:
        self._registry = registry
        self._address = address
        self._scope = f"repository:{repository}:pull"
        self._header = ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header to a request to the registry."""
        if self._header and get_origin(request.url or "") == get_origin(self._address):
            request.headers["Authorization"] = self._header
        return request

    def answer_challenge(self, session: requests.Session, challenge: str) -> bool:
        """Get what a `WWW-Authenticate` header asks for; whether there is something to try again with.

        Raises `requests.RequestException`, and `SetupError` where docker's credential store cannot be asked.
        """
        challenges = parse_challenges(challenge)
        login = read_docker_login(self._registry)
        before = self._header
        if "bearer" in challenges:
            self._header = f"Bearer {self._fetch_token(session, challenges['bearer'], login)}"
        elif "basic" in challenges and login is not None and login.username:
            pair = f"{login.username}:{login.password}".encode()
            self._header = f"Basic {base64.b64encode(pair).decode()}"
        return self._header != before

    def _fetch_token(self, session: requests.Session, parameters: dict[str, str], login: DockerLogin | None) -> str:
        realm = parameters.get("realm", "")
        if login is not None:
            _require_safe(realm)
        query = {"service": parameters.get("service", ""), "scope": parameters.get("scope") or self._scope}
        if login is not None and login.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": login.identity_token, "client_id": _CLIENT, **query}
            # A redirect would have the token sent on, wherever it leads.
            answer = session.post(realm, data=form, auth=_no_auth, timeout=TIMEOUTS, allow_redirects=False)
        else:
            auth = HTTPBasicAuth(login.username, login.password) if login is not None else _no_auth
            account = {"account": login.username} if login is not None else {}
            answer = get(session, realm, params={**query, **account}, auth=auth, timeout=TIMEOUTS)
        answer.raise_for_status()
        try:
            table: Any = parse_json(answer.content)
        except ValueError as error:
            raise requests.RequestException(tell("{realm} does not answer with JSON", realm=realm)) from error
        token = (table.get("token") or table.get("access_token")) if isinstance(table, dict) else None
        if not isinstance(token, str) or not token.isprintable():
            raise requests.RequestException(tell("{realm} does not answer with a token", realm=realm))
        return token


def parse_challenges(header: str) -> dict[str, dict[str, str]]:
    """The challenges of a `WWW-Authenticate` header: each scheme in small letters, with its parameters."""
    return {
        found["scheme"].lower(): {
            name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain
            for name, quoted, plain in _PARAMETER.findall(found["parameters"])
        }
        for found in _CHALLENGE.finditer(header)
    }


def read_docker_login(registry: str) -> DockerLogin | None:
    """What `docker login` has kept for a registry, in its file or a credential store.

    Raises `SetupError` where docker-py is not installed, or the store cannot be asked.
    """
    try:
        from docker import auth, errors
        from docker.credentials import StoreError
    except ImportError as error:
        raise SetupError(
            tell("reading from a registry needs the library docker"),
            remedy=tell("make venv   (or: uv tool install '.[image]')"),
        ) from error
    try:
        kept: dict[str, Any] = auth.resolve_authconfig(auth.load_config(), registry) or {}
    except (errors.DockerException, StoreError, ValueError) as error:
        raise SetupError(
            tell("the credentials of docker login for {registry} cannot be read", registry=registry),
            why=str(error)[:300],
            remedy=f"docker login {registry}",
        ) from error
    # Its file has small letters, its stores have capitals.
    fields = {key.lower(): str(value) for key, value in kept.items() if value}
    if not fields.keys() & {"username", "identitytoken"}:
        return None
    return DockerLogin(fields.get("username", ""), fields.get("password", ""), fields.get("identitytoken", ""))


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _require_safe(realm: str) -> None:
    parts = urlsplit(realm)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise UnsafeTokenServiceError(
            tell("it names the token service {realm}, which a password would reach in the clear", realm=realm)
        )
