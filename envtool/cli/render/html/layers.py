"""An image's layers as a picture: how wide each is drawn, what it did to torch, and which torch is there after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envtool.image.blame.trace import BlameReport, TorchChange

# Of the picture's width, in thousandths: the narrowest that can be seen and pointed at.
_WIDTH, _NARROWEST = 1000.0, 6.0


def describe_layers(report: BlameReport, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each layer, the first first, with the rows of the report's document that are about it.

    `torch` is "none", "good" or "bad" as it is after the layer; `is_guilty`: it is what the verdict names.
    """
    image = report.image
    guilty = {item.layer for item in report.culprits}
    guilty |= {missed.step.layer for missed in report.import_losses if missed.step is not None and missed.step.layer}
    states: dict[object, TorchChange] = {}
    rows: list[dict[str, Any]] = []
    for number, layer in enumerate(image.layers, 1):
        states |= {item.location: item for item in report.changes if item.layer == number}
        step = image.find_step(number)
        rows.append(
            {
                "number": number,
                "instruction": step.instruction,
                "bytes": layer.size,
                "files": layer.files,
                "torch": _judge(list(states.values())),
                "versions": _list_versions(states.values()),
                "is_guilty": number in guilty,
                "changes": [row for row in document["changes"] if row["layer"] == number],
                "imports": [row for row in document["imports"] if row["layer"] == number],
                "guard": [row for row in document["guard"] if row["layer"] == number],
            }
        )
    _add_places(rows)
    return rows


def _judge(states: Sequence[TorchChange]) -> str:
    present = [item for item in states if item.after or not item.is_good]
    if not present:
        return "none"
    return "good" if all(item.is_good for item in present) else "bad"


def _list_versions(states: Iterator[TorchChange] | Any) -> list[str]:
    return [f"{item.location.name} {version}" for item in states for version in item.after]


def _add_places(rows: Sequence[dict[str, Any]]) -> None:
    """Add where each layer is drawn: as wide as its share of the bytes, and never too narrow to be seen."""
    total = sum(row["bytes"] for row in rows) or 1
    largest = max((row["bytes"] for row in rows), default=0) or 1
    room = max(0.0, _WIDTH - _NARROWEST * len(rows))
    at = 0.0
    for row in rows:
        width = min(_NARROWEST, _WIDTH / len(rows)) + room * row["bytes"] / total
        row["x"], row["width"] = round(at, 2), round(width, 2)
        row["share"] = round(100 * row["bytes"] / largest, 2)
        at += width
