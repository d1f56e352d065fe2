"""A part of many images, so that several machines verify them together: each image is in exactly one part."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from envtool.language import tell

_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, counted from 0, as Kubernetes numbers the pods of an indexed Job."""

    index: int
    count: int

    def select(self, references: Iterable[str]) -> tuple[str, ...]:
        """The references of this part, in their order.

        Which part one is in depends on its name alone, not on the others: an image that comes or goes while the parts
        are at work moves no other one. One that is named by digest goes by that, whatever it is called.
        """
        return tuple(item for item in references if _hash(item) % self.count == self.index)


def _hash(reference: str) -> int:
    name, _, digest = reference.partition("@")
    return int.from_bytes(hashlib.sha256((digest or name).encode()).digest()[:8])


def parse_shard(text: str) -> Shard:
    """`INDEX/COUNT`. Raises `ValueError` for what is none."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(tell("it is not of the form INDEX/COUNT, such as 0/4"))
    index, count = int(form[1]), int(form[2])
    if not count:
        raise ValueError(tell("there must be at least one part"))
    if index >= count:
        raise ValueError(
            tell("parts are counted from 0: the last of {count} is {last}/{count}", count=count, last=count - 1)
        )
    return Shard(index, count)
