"""A wheel index: the Simple repository API as HTML (PEP 503) or JSON (PEP 691).

Credentials come from `~/.netrc` (or the file `NETRC` names) or from the environment variables below, and go to the
index's own scheme, host and port only; one written into the address is refused, because addresses end up in process
lists, logs and locks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from envtool.errors import SourceError
from envtool.language import join_messages, map_parts, tell
from envtool.net.http import get, open_session
from envtool.net.index_page import parse_index_page
from envtool.release.candidates import Candidate, find_torch_requirement
from envtool.release.profile import PINNED_NAMES
from envtool.release.signature import SUFFIX
from envtool.wheel.download import download
from envtool.wheel.name import WheelName

if TYPE_CHECKING:
    import requests
    from packaging.requirements import Requirement

    from envtool.wheel.store import FileStore

USERNAME_VARIABLE = "HAC_VENDOR_USERNAME"
PASSWORD_VARIABLE = "HAC_VENDOR_PASSWORD"  # noqa: S105 (the name of it)
# Seconds until a connection, or a silence in the middle of an answer, counts as "does not answer".
TIMEOUT = 30.0
# Characters of what is said of an index that does not answer.
_SAID = 300


@dataclass(frozen=True)
class IndexSource:
    """A wheel index at `url`, the address that ends in `/simple/` or the like. `names` are the distributions."""

    url: str
    names: tuple[str, ...] = PINNED_NAMES

    def __post_init__(self) -> None:
        """Refuse an address that carries a credential."""
        if urlsplit(self.url).username or urlsplit(self.url).password:
            raise SourceError(
                tell("the index address carries a user name or password"),
                why=tell("an address ends up in process lists, logs and locks"),
                remedy=tell(
                    "put it into ~/.netrc, or into {username_variable} and {password_variable}",
                    username_variable=USERNAME_VARIABLE,
                    password_variable=PASSWORD_VARIABLE,
                ),
            )

    @property
    def label(self) -> str:
        """The address."""
        return self.url

    @cached_property
    def _files(self) -> dict[str, dict[str, Any]]:
        """The wheels of `names` by file name, each as PEP 691 describes a file, its address absolute."""
        found: dict[str, dict[str, Any]] = {}
        with self._session() as session:
            for name in self.names:
                found |= self._project(session, name)
        return found

    def _project(self, session: requests.Session, name: str) -> dict[str, dict[str, Any]]:
        from mousebender import simple

        # An address without the slash at its end would lose its last part when it is joined.
        page = simple.create_project_url(self.url.rstrip("/") + "/", name)
        with self._reported():
            answer = get(session, page, headers={"Accept": simple.ACCEPT_SUPPORTED}, timeout=TIMEOUT)
            if answer.status_code == 404:
                return {}
            answer.raise_for_status()
            kind = answer.headers.get("Content-Type", "text/html")
            try:
                # Both forms are UTF-8; `answer.text` would guess, and take long for it.
                text = answer.content.decode("utf-8", "replace")
                files = parse_index_page(text, kind, name, answer.url)
            except ValueError as error:
                raise SourceError(
                    tell("{url} is not a wheel index", url=self.url),
                    why=tell("{page} answers with {kind}", page=page, kind=kind),
                ) from error
        return {file["filename"]: file for file in files if file["filename"].endswith(".whl")}

    def list_candidates(self) -> tuple[Candidate, ...]:
        """All wheels of `names` that are not yanked (PEP 592)."""
        return tuple(
            Candidate(WheelName.parse(filename), file["url"], file["hashes"].get("sha256"))
            for filename, file in self._files.items()
            # Yanked with an empty reason is an empty text, which is yanked all the same.
            if file.get("yanked", False) is False
        )

    def read_torch_requirement(self, candidate: Candidate) -> Requirement | None:
        """From the index's metadata file (PEP 658, PEP 714), where it serves one."""
        from packaging.metadata import parse_email

        file = self._files[candidate.wheel.filename]
        if not (file.get("core-metadata") or file.get("dist-info-metadata")):
            return None
        with self._reported(), self._session() as session:
            answer = get(session, f"{candidate.location}.metadata", timeout=TIMEOUT)
            answer.raise_for_status()
        return find_torch_requirement(parse_email(answer.content)[0])

    def fetch(self, candidate: Candidate, store: FileStore) -> Path:
        """Download the wheel unless the store has it; the index's own sha256 is checked."""
        if candidate.sha256 is not None and (stored := store.find(candidate.sha256)) is not None:
            return stored
        with self._session() as session:
            return download(
                session,
                candidate.location,
                candidate.wheel.filename,
                store,
                expected=candidate.sha256,
                timeout=TIMEOUT,
                failures=self._reported(),
            )

    def read_signature(self, filename: str) -> str | None:
        """A file beside the wheel's own address."""
        file = self._files.get(filename)
        if file is None:
            return None
        with self._reported(), self._session() as session:
            answer = get(session, f"{file['url'].partition('#')[0]}{SUFFIX}", timeout=TIMEOUT)
            if answer.status_code == 404:
                return None
            answer.raise_for_status()
        return str(answer.text)

    def find_tool(self, name: str) -> Path | None:  # noqa: ARG002
        """An index has wheels only."""
        return None

    def _session(self) -> requests.Session:
        from envtool.net.credentials import OriginAuth

        session = open_session()
        # A page of the index may link to any server: these are for the index itself.
        session.auth = OriginAuth(self.url, os.environ.get(USERNAME_VARIABLE), os.environ.get(PASSWORD_VARIABLE, ""))
        return session

    @contextmanager
    def _reported(self) -> Iterator[None]:
        from requests import HTTPError, RequestException

        try:
            yield
        except HTTPError as error:
            raise self._refused(error.response.status_code) from error
        except RequestException as error:
            kind = type(error).__name__
            # Without what follows an address, where a credential may be.
            said = map_parts(str(error), lambda text: text.split("?", 1)[0][: _SAID - len(kind) - 2])
            raise SourceError(
                tell("the index {url} does not answer", url=self.url),
                why=join_messages(": ", (kind, said)),
                remedy=tell("check the address and the proxy variables; a folder of wheels works without a network"),
            ) from error

    def _refused(self, status: int) -> SourceError:
        if status in {401, 403}:
            return SourceError(
                tell("the index {url} refuses access (HTTP {status})", url=self.url, status=status),
                why=tell("it wants a user name and password, or does not accept the ones it got"),
                remedy=tell(
                    "put them into ~/.netrc, or set {username_variable} and {password_variable}",
                    username_variable=USERNAME_VARIABLE,
                    password_variable=PASSWORD_VARIABLE,
                ),
            )
        return SourceError(
            tell("the index {url} answers with HTTP {status}", url=self.url, status=status),
            remedy=tell("try again later"),
        )
