"""`docker://REGISTRY/team/*` → the names of the images that a registry has.

Protocols: OCI distribution specification, "Content Discovery" (tags), and Docker's catalog of repositories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from envtool.errors import ImageError
from envtool.image.read.manifest import parse_image_document
from envtool.image.read.remote import RegistryClient, RegistryReference
from envtool.language import tell

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGISTRY = "docker://"
# Names in a page of an answer, and pages read at the most.
_PAGE = 500
_PAGES = 200


def expand_references(references: Iterable[str]) -> tuple[str, ...]:
    """The references, with those that have a `*` or `?` replaced by all that match, each once.

    `docker://HOST/team/*` is every tag of every repository that matches; `docker://HOST/team/app:1.*` tags of one.
    Raises `ImageError` where nothing matches or the registry does not list what it has.
    """
    found: dict[str, None] = {}
    for reference in references:
        is_pattern = reference.startswith(_REGISTRY) and any(mark in reference for mark in "*?")
        names = _list_matching(reference.removeprefix(_REGISTRY)) if is_pattern else (reference,)
        before = len(found)
        found.update(dict.fromkeys(names))
        if is_pattern and len(found) == before:
            raise ImageError(
                tell("no image matches {reference}", reference=reference),
                why=tell("the registry lists no repository and tag of that form"),
                remedy=tell("name one image: docker://HOST/NAME:TAG"),
            )
    return tuple(found)


def _list_matching(pattern: str) -> Iterator[str]:
    host, _, path = pattern.partition("/")
    name_pattern, _, tag_pattern = path.partition(":")
    if any(mark in name_pattern for mark in "*?"):
        client = RegistryClient(RegistryReference(host, "_catalog", ""), at_root=True)
        names = [name for name in _read_pages(client, "_catalog", "repositories") if fnmatchcase(name, name_pattern)]
    else:
        names = [name_pattern]
    for name in sorted(names):
        client = RegistryClient(RegistryReference(host, name, ""))
        for tag in sorted(_read_pages(client, "tags/list", "tags")):
            if fnmatchcase(tag, tag_pattern or "*"):
                yield f"{_REGISTRY}{host}/{name}:{tag}"


def _read_pages(client: RegistryClient, path: str, key: str) -> Iterator[str]:
    """The names of all pages; a full page is followed by the one after its last name."""
    last = ""
    for _ in range(_PAGES):
        query = f"?n={_PAGE}" + (f"&last={last}" if last else "")
        table: Mapping[str, object] = parse_image_document(
            client.read_document(f"{path}{query}"), tell("what the registry lists as {key}", key=key)
        )
        rows = table.get(key)
        names = [str(name) for name in rows] if isinstance(rows, list) else []
        yield from names
        if len(names) < _PAGE or names[-1] == last:
            return
        last = names[-1]
