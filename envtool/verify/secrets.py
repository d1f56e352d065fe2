"""Credentials in an image: files in any layer, variables, and values that the history has recorded.

A file that a later layer deletes is still in the image for whoever unpacks the layer before. What is found is named,
never repeated.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envtool.image.read.layer import Capture
from envtool.language import join_messages, tell
from envtool.masking import NO_VALUE, SENSITIVE_NAME
from envtool.verify.credential_contents import find_credentials
from envtool.verify.credential_files import is_credential_file

if TYPE_CHECKING:
    from envtool.image.read.image import StoredImage

_NAME = re.compile(SENSITIVE_NAME, re.IGNORECASE)
_IN_ADDRESS = re.compile(r"//[^/\s:@]*:[^/\s@]+@")
_ASSIGNED = re.compile(r"(?:^|[\s;&])(\w+)=(\S+)")


def select_for_secrets(path: str, _size: int) -> Capture:
    """What the search for secrets wants of a file; its content is searched as it comes by."""
    return Capture.ENTRY if is_credential_file(path) else Capture.NOTHING


def find_secrets(image: StoredImage) -> Iterator[str]:
    """Everything that looks like a credential, each with where it is.

    The image was read with `find_credentials` as the inspection of its files.
    """
    for number, layer in enumerate(image.layers, 1):
        for path, entry in layer.entries.items():
            if entry.size and (is_credential_file(path) or entry.remarks):
                instruction = image.find_step(number).instruction
                place = tell(
                    "/{path} in layer {layer}, `{instruction}`", path=path, layer=number, instruction=instruction
                )
                yield join_messages(": ", (place, join_messages(", ", entry.remarks))) if entry.remarks else place
    for name, value in image.variables.items():
        if _is_secret_variable(name, value):
            yield tell("the variable {name}", name=name)
    yield from _find_in_labels(image)
    yield from _find_recorded(image.configuration.get("history") or [], image)


def _is_secret_variable(name: str, value: str) -> bool:
    if _IN_ADDRESS.search(value):
        return True
    if _NAME.fullmatch(name) is None or not value or re.match(NO_VALUE, value, re.IGNORECASE):
        return False
    # Google's and others' CREDENTIALS are the path of a file.
    return not (name.upper().endswith("CREDENTIALS") and value.startswith("/"))


def _find_in_labels(image: StoredImage) -> Iterator[str]:
    for name, value in image.labels.items():
        if _is_secret_variable(name, str(value)):
            yield tell("the label {name}", name=name)
    for name in ("Entrypoint", "Cmd"):
        words = image.container_config.get(name) or []
        if isinstance(words, list) and _has_credential(shlex.join(map(str, words))):
            yield tell("the words of {name}", name=name)


def _find_recorded(history: Sequence[Mapping[str, Any]], image: StoredImage) -> Iterator[str]:
    """Build arguments and commands are kept in the history, for everybody to read."""
    for number, item in enumerate(history, 1):
        text = str(item.get("created_by") or "")
        assigned = [name for name, value in _ASSIGNED.findall(text) if _is_secret_variable(name, value.strip("\"'"))]
        # Those that are variables of the image have been named.
        names = [name for name in assigned if image.variables.get(name) is None]
        if names:
            yield tell(
                "the value of {names} in the history, step {number}",
                names=", ".join(dict.fromkeys(names)),
                number=number,
            )
        elif _IN_ADDRESS.search(text):
            yield tell("an address with a password in the history, step {number}", number=number)
        elif not assigned and _has_credential(text):
            yield tell("a password or token in the history, step {number}", number=number)


def _has_credential(text: str) -> bool:
    return _IN_ADDRESS.search(text) is not None or bool(find_credentials("command.sh", text.encode()))
