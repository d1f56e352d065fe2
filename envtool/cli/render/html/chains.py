"""Chains of requirements as one graph from left to right: lines of files, distributions, and torch at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from envtool.printable import display_width

# More boxes than that are no picture any more; the list beside it has every chain.
_MOST_BOXES = 40
# Characters of a text in a box; the rest is in the box's title.
_LONGEST = 36
# Columns; requirements in a circle would take any number.
_LONGEST_WAY = 12
# Pixels: of a character in each font of the page's style, of a line of small text, and between boxes.
_CHARACTER, _SMALL, _LINE = 8.0, 7.0, 16.0
_HEIGHT, _PADDING, _GAP, _BETWEEN = 30.0, 13.0, 46.0, 18.0
# What a box stands for: a line by file, number and text, a distribution by name and version, or torch.
_Key: TypeAlias = tuple[str, ...]


@dataclass(kw_only=True)
class GraphBox:
    """A box: `kind` is "line", "package" or "torch"; `column` counts from torch, which is 0. Places are in pixels.

    `details` are smaller lines: where a line is, what a distribution requires, how torch would change.
    """

    kind: str
    text: str
    details: list[str]
    column: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0

    @property
    def height(self) -> float:
        """As high as its lines."""
        return _HEIGHT + _LINE * len(self.details)

    @property
    def middle(self) -> float:
        """Where arrows meet it."""
        return self.y + self.height / 2


@dataclass(kw_only=True)
class ChainGraph:
    """The picture: boxes, and arrows as SVG paths; `drawn` of the chains are in it. Sizes are in pixels."""

    boxes: list[GraphBox] = field(default_factory=list)
    arrows: list[str] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0
    drawn: int = 0


def draw_chains(clobber: Mapping[str, Any]) -> ChainGraph:
    """The graph of one pinned distribution that would be changed, from its row in the document of `envtool check`."""
    boxes: dict[_Key, GraphBox] = {}
    arrows: dict[tuple[_Key, _Key], None] = {}
    drawn = 0
    for chain in clobber["chains"]:
        steps = _list_steps(chain, clobber)
        if drawn and len(boxes.keys() | {key for key, _box in steps}) > _MOST_BOXES:
            break
        drawn += 1
        for key, box in steps:
            known = boxes.setdefault(key, box)
            known.details = list(dict.fromkeys([*known.details, *box.details]))
        for (left, _box), (right, _next) in pairwise(steps):
            arrows[left, right] = None
    graph = ChainGraph(boxes=list(boxes.values()), drawn=drawn)
    if boxes:
        _place(graph, boxes, list(arrows))
    return graph


def _list_steps(chain: Mapping[str, Any], clobber: Mapping[str, Any]) -> list[tuple[_Key, GraphBox]]:
    place = f"{chain['file']}:{chain['line']}"
    line = GraphBox(kind="line", text=chain["requested"], details=[place])
    steps: list[tuple[_Key, GraphBox]] = [(("line", place, chain["requested"]), line)]
    for link in chain["links"]:
        box = GraphBox(kind="package", text=f"{link['name']} {link['version']}", details=[f"→ {link['requires']}"])
        steps.append((("package", link["name"], link["version"]), box))
    change = " → ".join(filter(None, (clobber["before"], clobber["after"])))
    return [*steps, (("torch", clobber["name"]), GraphBox(kind="torch", text=clobber["name"], details=[change]))]


def _place(graph: ChainGraph, boxes: Mapping[_Key, GraphBox], arrows: Sequence[tuple[_Key, _Key]]) -> None:
    _find_columns(boxes, arrows)
    columns: dict[int, list[_Key]] = {}
    for key, box in boxes.items():
        columns.setdefault(box.column, []).append(key)
    heights = {number: sum(boxes[key].height + _BETWEEN for key in keys) - _BETWEEN for number, keys in columns.items()}
    graph.height = max(heights.values())
    placed: set[_Key] = set()
    for number in sorted(columns):
        y = (graph.height - heights[number]) / 2
        # Beside what they lead to, so that arrows cross as little as they can.
        for key in sorted(columns[number], key=lambda key: _find_height(key, boxes, arrows, placed)):
            boxes[key].y = y
            y += boxes[key].height + _BETWEEN
        placed |= set(columns[number])
    x = 0.0
    for number in sorted(columns, reverse=True):
        width = max(_measure(boxes[key]) for key in columns[number])
        for key in columns[number]:
            boxes[key].x, boxes[key].width = x, width
        graph.width = x + width
        x += width + _GAP
    graph.arrows = [_draw_arrow(boxes[left], boxes[right]) for left, right in arrows]


def _find_columns(boxes: Mapping[_Key, GraphBox], arrows: Sequence[tuple[_Key, _Key]]) -> None:
    """Put each box left of all that it leads to. Where distributions require each other, not of all."""
    for _round in range(_LONGEST_WAY):
        wrong = [(left, right) for left, right in arrows if boxes[left].column <= boxes[right].column]
        for left, right in wrong:
            boxes[left].column = boxes[right].column + 1
        if not wrong:
            return


def _find_height(
    key: _Key, boxes: Mapping[_Key, GraphBox], arrows: Sequence[tuple[_Key, _Key]], placed: set[_Key]
) -> float:
    """Where what a box leads to is, in the mean."""
    found = [boxes[right].middle for left, right in arrows if left == key and right in placed]
    return sum(found) / len(found) if found else 0.0


def _draw_arrow(left: GraphBox, right: GraphBox) -> str:
    start, end = left.x + left.width, right.x - 9
    bend = (end - start) / 2
    return (
        f"M{start:.1f} {left.middle:.1f}"
        f"C{start + bend:.1f} {left.middle:.1f} {end - bend:.1f} {right.middle:.1f} {end:.1f} {right.middle:.1f}"
    )


def shorten(text: str) -> str:
    """The text as a picture shows it."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _measure(box: GraphBox) -> float:
    lines = [display_width(shorten(box.text)) * _CHARACTER]
    lines += [display_width(shorten(detail)) * _SMALL for detail in box.details]
    return 2 * _PADDING + max(lines)
