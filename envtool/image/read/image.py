"""An image that was read: its configuration, its history as instructions, and its layers.

Format: OCI image specification, "OCI Image Configuration".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envtool.errors import ImageError
from envtool.image.read.manifest import digest_mismatch
from envtool.language import map_parts, tell
from envtool.masking import mask_credentials

if TYPE_CHECKING:
    from envtool.image.read.layer import LayerContents

# How both builders record a shell-form RUN: build arguments as `|2 A=b C=d`, then the shell, then the command.
_ARGUMENTS = re.compile(r"^\|(\d+) ")
_SHELL = re.compile(r"(?:^|\s)/[^\s=]+(?: [^\s/=]+){0,5}? -\w*c ")
_NOTHING_RUN = re.compile(r"^.*?#\(nop\)\s+", re.DOTALL)
_KEYWORDS = (
    "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|VOLUME"
    "|WORKDIR"
)
_KEYWORD = re.compile(rf"^(?:{_KEYWORDS})\s")


@dataclass(frozen=True)
class ImageStep:
    """One entry of the history: the instruction as a Dockerfile has it, and the layer it made, counted from 1."""

    number: int
    instruction: str
    layer: int | None
    comment: str = ""


@dataclass(frozen=True)
class StoredImage:
    """An image. `identity` is the digest of its configuration, which engines call its id; `size` counts bytes."""

    reference: str
    identity: str
    configuration: Mapping[str, Any]
    layers: tuple[LayerContents, ...]

    @property
    def container_config(self) -> Mapping[str, Any]:
        """What a container is run with: Env, User, Shell, Labels and so on."""
        return self.configuration.get("config") or {}

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that the image sets."""
        return dict(entry.partition("=")[::2] for entry in self.container_config.get("Env") or [])

    @property
    def command(self) -> tuple[str, ...]:
        """What a container runs."""
        config = self.container_config
        return tuple(map(str, [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]))

    @property
    def start_folder(self) -> str:
        """The folder that a container starts in."""
        return str(self.container_config.get("WorkingDir") or "/")

    @property
    def labels(self) -> Mapping[str, str]:
        """The image's labels."""
        return self.container_config.get("Labels") or {}

    @property
    def size(self) -> int:
        """Bytes of all layers' files."""
        return sum(layer.size for layer in self.layers)

    @property
    def steps(self) -> tuple[ImageStep, ...]:
        """The history, oldest first; layers that it does not account for have steps of their own."""
        return tuple(_list_steps(self.configuration.get("history") or [], len(self.layers)))

    def find_step(self, layer: int) -> ImageStep:
        """The step that made a layer."""
        return next(step for step in self.steps if step.layer == layer)


def _list_steps(history: Sequence[Mapping[str, Any]], layers: int) -> Iterator[ImageStep]:
    layer = 0
    number = 0
    for number, item in enumerate(history, 1):
        makes = not item.get("empty_layer") and layer < layers
        layer += makes
        comment = str(item.get("comment") or "")
        yield ImageStep(
            number, parse_instruction(str(item.get("created_by") or ""), comment), layer if makes else None, comment
        )
    for rest in range(layer + 1, layers + 1):
        yield ImageStep(number + rest - layer, tell("(a layer that the history does not mention)"), rest)


def parse_instruction(created_by: str, comment: str = "") -> str:
    """The instruction that a history entry of either builder stands for, on one line.

    Values of build arguments are left out, because credentials get in there, and other credentials masked.
    """
    return map_parts(_parse_instruction(created_by, comment), mask_credentials)


def _parse_instruction(created_by: str, comment: str) -> str:
    text = created_by.removesuffix("# buildkit").strip()
    if not text:
        return f"({comment})" if comment else tell("(not recorded)")
    if "#(nop)" in text:
        return _join_lines(_NOTHING_RUN.sub("", text))
    is_run = text.startswith("RUN ")
    command = text.removeprefix("RUN ")
    if not is_run and _KEYWORD.match(command):
        return _join_lines(text)
    shell = _SHELL.search(command)
    if shell is not None and (shell.start() == 0 or _ARGUMENTS.match(command)):
        return _join_lines(f"RUN {command[shell.end() :]}")
    return _join_lines(f"RUN {_strip_arguments(command)}")


def _strip_arguments(command: str) -> str:
    match = _ARGUMENTS.match(command)
    if match is None:
        return command
    words = command[match.end() :].split(" ")
    return " ".join(words[int(match[1]) :])


def _join_lines(text: str) -> str:
    return " ".join(text.replace("\\\n", " ").split())


def make_stored_image(
    reference: str, identity: str, configuration: Mapping[str, Any], layers: Sequence[LayerContents]
) -> StoredImage:
    """The image, once each layer is found to be the one that the configuration names. Raises `ImageError`."""
    expected = list((configuration.get("rootfs") or {}).get("diff_ids") or [])
    found = [layer.diff_id for layer in layers]
    if len(expected) != len(found):
        raise ImageError(
            tell("{reference} is not whole", reference=reference),
            why=tell(
                "its configuration names {expected_count} layers, {found_count} are there",
                expected_count=len(expected),
                found_count=len(found),
            ),
            remedy=tell("fetch or save the image again"),
        )
    for number, (left, right) in enumerate(zip(expected, found, strict=True), 1):
        if left != right:
            raise digest_mismatch(
                tell("layer {number} of {reference}", number=number, reference=reference), left, right
            )
    return StoredImage(reference, identity, configuration, tuple(layers))
