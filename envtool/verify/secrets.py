"""Credentials in an image: files in any layer, variables, and values that the history has recorded.

A file that a later layer deletes is still in the image for whoever unpacks the layer before. What is found is named,
never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envtool.image.read.layer import Capture, LayerEntry

if TYPE_CHECKING:
    from envtool.image.read.image import StoredImage

# What needs no look inside, and what is a secret only with such content; keys that packages test themselves with, and
# certificates, are none.
_ALWAYS = re.compile(
    r"^etc/moreh/token$|(?:^|/)\.(?:netrc|git-credentials|pgpass)$|(?:^|/)\.ssh/id_\w+$|(?:^|/)\.aws/credentials$"
    r"|(?:^|/)\.(?:cache/)?huggingface/(?:token|stored_tokens)$|(?:^|/)\.kaggle/kaggle\.json$"
    r"|(?:^|/)gcloud/application_default_credentials\.json$"
)
_PERHAPS: tuple[tuple[re.Pattern[str], re.Pattern[bytes]], ...] = (
    (re.compile(r"\.(?:pem|key)$|(?:^|/)id_(?:rsa|dsa|ecdsa|ed25519)$"), re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY")),
    (re.compile(r"(?:^|/)\.docker/config\.json$|(?:^|/)\.dockercfg$"), re.compile(rb'"auth"\s*:\s*"[^"]')),
    (re.compile(r"(?:^|/)\.(?:npmrc|yarnrc)$"), re.compile(rb"_auth(?:Token)?\s*=\s*\S")),
    (re.compile(r"(?:^|/)\.pypirc$"), re.compile(rb"^\s*password\s*[:=]\s*\S", re.MULTILINE)),
    (re.compile(r"(?:^|/)\.kube/config$"), re.compile(rb"(?:client-key-data|token):\s*\S")),
    (re.compile(r"(?:^|/)(?:pip\.conf|uv\.toml|\.condarc|sources\.list)$"), re.compile(rb"//[^/\s:@]+:[^/\s@]+@")),
    (
        re.compile(r"(?:^|/)\.env(?:\.[\w-]+)?$"),
        re.compile(rb"^\s*(?:export\s+)?\w*(?:TOKEN|SECRET|PASSWORD|API_?KEY)\w*\s*=\s*['\"]?[^\s'\"$]", re.MULTILINE),
    ),
)
_NOT_SECRET = re.compile(r"(?:^|/)(?:site|dist)-packages/|^usr/(?:share|lib)/|(?:^|/)tests?/")
_NAME = re.compile(r"TOKEN|SECRET|PASSW(?:OR)?D|API_?KEY|ACCESS_KEY|CREDENTIAL", re.IGNORECASE)
# A path to a secret that is mounted is none.
_HARMLESS_NAME = re.compile(r"_(?:FILE|PATH|DIR|URL)$", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"//[^/\s:@]+:[^/\s@]+@")
_ASSIGNED = re.compile(r"(?:^|\s)(\w+)=(\S+)")
_LARGEST = 1 << 16
_ENDINGS = frozenset({"pem", "key", "json", "conf", "toml", "list"})
_NAMES = frozenset({"token", "stored_tokens", "credentials", "config"})


def _may_be_secret(path: str) -> bool:
    """Whether any of the expressions can match, told without asking them: hardly ever."""
    name = path.rpartition("/")[2]
    return name.startswith((".", "id_")) or name.rpartition(".")[2] in _ENDINGS or name in _NAMES


def select_for_secrets(path: str, size: int) -> Capture:
    """What the search for secrets wants of a file."""
    if not _may_be_secret(path):
        return Capture.NOTHING
    if _ALWAYS.search(path):
        return Capture.ENTRY
    if size <= _LARGEST and not _NOT_SECRET.search(path) and any(name.search(path) for name, _content in _PERHAPS):
        return Capture.DATA
    return Capture.NOTHING


def find_secrets(image: StoredImage) -> Iterator[str]:
    """Everything that looks like a credential, each with where it is."""
    for number, layer in enumerate(image.layers, 1):
        for path, entry in layer.entries.items():
            if _is_secret(path, entry):
                yield f"/{path} in layer {number}, `{image.find_step(number).instruction}`"
    for name, value in image.variables.items():
        if _is_secret_variable(name, value):
            yield f"the variable {name}"
    yield from _recorded(image.configuration.get("history") or [], image)


def _is_secret(path: str, entry: LayerEntry) -> bool:
    if not entry.size or not _may_be_secret(path):
        return False
    if _ALWAYS.search(path):
        return True
    data = entry.data
    if data is None or _NOT_SECRET.search(path):
        return False
    return any(name.search(path) and content.search(data) for name, content in _PERHAPS)


def _is_secret_variable(name: str, value: str) -> bool:
    named = _NAME.search(name) is not None and _HARMLESS_NAME.search(name) is None
    return bool(value) and (named or _IN_ADDRESS.search(value) is not None)


def _recorded(history: Sequence[Mapping[str, Any]], image: StoredImage) -> Iterator[str]:
    """Build arguments and commands are kept in the history, for everybody to read."""
    for number, item in enumerate(history, 1):
        text = str(item.get("created_by") or "")
        names = [name for name, value in _ASSIGNED.findall(text) if _is_secret_variable(name, value)]
        names = [name for name in names if image.variables.get(name) is None]
        if names:
            yield f"the value of {', '.join(dict.fromkeys(names))} in the history, step {number}"
        elif _IN_ADDRESS.search(text):
            yield f"an address with a password in the history, step {number}"
