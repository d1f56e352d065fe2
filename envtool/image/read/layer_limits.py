"""How much of a layer is read: a few kilobytes may inflate to any size, or to any number of members.

Each bound is a multiple of what the largest image that is met has; see docs/promises.md.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass

from envtool.errors import ImageError
from envtool.language import tell

# Bytes that a layer inflates to, and bytes that its files say they have: sparse ones are larger than their archive.
INFLATED_LIMIT = 64 << 30
MEMBER_LIMIT = 4_000_000
# Bytes of files that are kept in memory, of one layer.
KEPT_LIMIT = 512 << 20
# Of an image in all; engines themselves stop at 127 layers.
IMAGE_LIMIT = 256 << 30
LAYER_LIMIT = 1000


class LayerLimitError(Exception):
    """A bound that a layer exceeds; the text says which. It never leaves `image.read`."""


@dataclass(kw_only=True)
class LayerUse:
    """What was used so far of a layer's bounds."""

    members: int = 0
    size: int = 0
    kept: int = 0

    def add_member(self, size: int) -> None:
        """Count a member with a file of so many bytes. Raises `LayerLimitError`."""
        self.members += 1
        self.size += size
        if self.members > MEMBER_LIMIT:
            raise LayerLimitError(tell("it has more than {count:,} files and folders", count=MEMBER_LIMIT))
        if self.size > INFLATED_LIMIT:
            raise LayerLimitError(tell("its files have more than {size:,} MiB", size=INFLATED_LIMIT >> 20))

    def add_kept(self, size: int) -> None:
        """Count a file's content that is kept. Raises `LayerLimitError`."""
        self.kept += size
        if self.kept > KEPT_LIMIT:
            raise LayerLimitError(tell("its records have more than {size:,} MiB", size=KEPT_LIMIT >> 20))


def require_inflated_size(size: int) -> None:
    """Raise `LayerLimitError` where a layer has inflated to more bytes than it may."""
    if size > INFLATED_LIMIT:
        raise LayerLimitError(tell("it inflates to more than {size:,} MiB", size=INFLATED_LIMIT >> 20))


def require_layer_count(layers: Sized, reference: str) -> None:
    """Raise `ImageError` where an image has more layers than any engine takes."""
    if len(layers) > LAYER_LIMIT:
        raise _make_error(
            tell("{reference} has {count:,} layers", reference=reference, count=len(layers)),
            tell("at most {count:,} are read", count=LAYER_LIMIT),
        )


def require_image_size(size: int, reference: str) -> None:
    """Raise `ImageError` where the layers of an image have inflated to more bytes than they may."""
    if size > IMAGE_LIMIT:
        raise _make_error(
            tell("{name} is too large to be read", name=reference),
            tell("it inflates to more than {size:,} MiB", size=IMAGE_LIMIT >> 20),
        )


def make_limit_error(name: str, error: LayerLimitError) -> ImageError:
    """What a person is told of a layer that exceeds a bound."""
    return _make_error(tell("{name} is too large to be read", name=name), str(error))


def _make_error(what: str, why: str) -> ImageError:
    return ImageError(
        what,
        why=tell(
            "{why}; no image that does its work is that large, but one that is to stop its reader may be", why=why
        ),
        remedy=tell("run it, and look from inside: docker run --rm IMAGE envtool doctor"),
    )
