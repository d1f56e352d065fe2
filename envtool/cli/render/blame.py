"""The story of an image, as a person reads it and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from envtool.image.blame.settings import SettingChange
from envtool.image.blame.squashed import is_squashed, likely_step
from envtool.image.blame.trace import BlameReport, GuardLoss, TorchChange
from envtool.image.read.image import ImageStep

SCHEMA = "hac-envtool/blame/1"


def render_story(story: BlameReport) -> str:
    """The story as text: the verdict, the culprits, then everything else that happened."""
    return "\n".join(_lines(story))


def _lines(story: BlameReport) -> Iterator[str]:
    yield f"{story.image.reference}: {_verdict(story)}"
    for item in story.culprits:
        yield from _happening(story, item, indent="  ")
    for loss in story.losses:
        yield f"  guard  layer {loss.layer}, `{loss.step.instruction}`: /{loss.path} {_lost(loss)}"
    for change in story.settings:
        yield f"  guard  {_by(change)}: {change.name} {change.before} → {change.after or '(not set)'}"
    rest = [item for item in story.happenings if item not in story.culprits]
    if rest:
        yield "what else happened to torch and its companions:"
    for item in rest:
        yield from _happening(story, item, indent="  ")
    if story.culprits:
        yield "  type   envtool check FILE   with what that instruction installs: it names versions that do"


def _verdict(story: BlameReport) -> str:
    if not story.happenings:
        return "there is no torch in this image"
    if story.is_whole:
        pinned = story.pin.torch.version if story.pin is not None else story.happenings[0].after[0]
        return f"torch {pinned} is in place"
    return f"{_named(story)} is not as it should be"


def _named(story: BlameReport) -> str:
    names = list(dict.fromkeys(item.place.name for item in story.culprits))
    pin = story.pin
    return " and ".join(f"{name} {found.version}" if pin and (found := pin.find(name)) else name for name in names)


def _happening(story: BlameReport, item: TorchChange, indent: str) -> Iterator[str]:
    step = item.step
    yield f"{indent}layer {item.layer}, `{step.instruction}`: {_what(item)}{_by_whom(item)}"
    if is_squashed(step):
        found = _likely(story, item)
        words = f"`{found.instruction}`" if found is not None else "none that speaks of it"
        yield f"{indent}  several instructions were squashed into it; the likely one: {words}"
    if item.broken:
        more = f" and {len(item.broken) - 3} more" if len(item.broken) > 3 else ""
        yield f"{indent}  not as RECORD has them: {', '.join('/' + path for path in item.broken[:3])}{more}"


def _likely(story: BlameReport, item: TorchChange) -> ImageStep | None:
    return likely_step(story.image, item.step, item.place.name, [demand.name for demand in item.demands])


def _what(item: TorchChange) -> str:
    place = item.place
    counts = f"{item.files:,} files, {item.size / 1e6:+,.1f} MB".replace("-0.0", "+0.0")
    if item.before == item.after:
        return f"{place.name} {_versions(item.after)} changed in place, {counts}"
    return f"{place.name} {_versions(item.before)} → {_versions(item.after)}, {counts}, in /{place.site}"


def _versions(versions: tuple[str, ...]) -> str:
    return " and ".join(versions) or "none"


def _by_whom(item: TorchChange) -> str:
    return f"; pulled in by {'; '.join(map(str, item.demands[:3]))}" if item.demands and not item.is_good else ""


def _lost(loss: GuardLoss) -> str:
    return "is gone" if loss.is_gone else "is another file"


def _by(change: SettingChange) -> str:
    return (
        f"step {change.step.number}, `{change.step.instruction}`" if change.step is not None else "not recorded where"
    )


def render_story_document(story: BlameReport) -> str:
    """The story as JSON; docs/blame.schema.json describes it."""
    return json.dumps(story_document(story), indent=2, ensure_ascii=False)


def story_document(story: BlameReport) -> dict[str, Any]:
    """The story as what JSON is made from."""
    return {
        "schema": SCHEMA,
        "image": {"reference": story.image.reference, "id": story.image.identity, "layers": len(story.image.layers)},
        "status": "whole" if story.is_whole else "damaged" if story.happenings else "no_torch",
        "pinned": story.pin.torch.version if story.pin is not None else None,
        "culprits": [_row(story, item) for item in story.culprits],
        "guard": [
            *({**_step(loss.step), "what": f"/{loss.path}", "change": _lost(loss)} for loss in story.losses),
            *(
                {**_step(change.step), "what": change.name, "change": f"{change.before} → {change.after}"}
                for change in story.settings
            ),
        ],
        "happenings": [_row(story, item) for item in story.happenings],
    }


def _row(story: BlameReport, item: TorchChange) -> dict[str, Any]:
    found = _likely(story, item) if is_squashed(item.step) else None
    return {
        **_step(item.step),
        "likely": found.instruction if found is not None else None,
        "distribution": item.place.name,
        "folder": f"/{item.place.site}",
        "before": list(item.before),
        "after": list(item.after),
        "files": item.files,
        "bytes": item.size,
        "good": item.is_good,
        "pulled_in_by": [
            {"name": demand.name, "version": demand.version, "requirement": demand.requirement, "asked": demand.asked}
            for demand in item.demands
        ],
        "broken": [f"/{path}" for path in item.broken],
    }


def _step(step: ImageStep | None) -> dict[str, Any]:
    if step is None:
        return {"layer": None, "step": None, "instruction": None}
    return {"layer": step.layer, "step": step.number, "instruction": step.instruction}
