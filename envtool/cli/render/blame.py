"""What changed torch in an image, as a person reads it and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from envtool.cli.render.json_text import render_json_text
from envtool.cli.report_format import BlameFormat
from envtool.image.blame.import_loss import ImportLoss
from envtool.image.blame.settings import SettingChange
from envtool.image.blame.squash import find_likely_step, is_squashed
from envtool.image.blame.trace import BlameReport, GuardLoss, TorchChange
from envtool.image.read.image import ImageStep
from envtool.printable import join_lines

SCHEMA = "hac-envtool/blame/1"


def render_blame(report: BlameReport, format: BlameFormat, *, everything: bool = False, is_one: bool = True) -> str:
    """The report in a format, without a line's end after it; docs/blame.schema.json describes the JSON."""
    match format:
        case BlameFormat.TEXT:
            return render_blame_text(report, everything=everything)
        case BlameFormat.JSON:
            return render_json_text(create_blame_document(report), indent=2 if is_one else None)
        case BlameFormat.HTML:
            return render_blame_html([report])


def render_blame_html(reports: Sequence[BlameReport]) -> str:
    """All reports as one page, without a line's end after it."""
    from envtool.cli.render.html.reports import render_blame_page

    return render_blame_page([(report, create_blame_document(report)) for report in reports])


def render_blame_text(report: BlameReport, *, everything: bool = True) -> str:
    """The verdict, the culprits, then every other change; without `everything` not how torch came in."""
    return join_lines(_render_lines(report, everything))


def _render_lines(report: BlameReport, everything: bool) -> Iterator[str]:
    yield f"{report.image.reference}: {_render_verdict(report)}"
    for item in report.culprits:
        yield from _describe_change(report, item, indent="  ")
    for missed in report.import_losses:
        yield from _describe_import_loss(missed)
    for loss in report.guard_losses:
        yield f"  guard  layer {loss.layer}, `{loss.step.instruction}`: /{loss.path} {_describe_loss(loss)}"
    for change in report.settings:
        yield f"  guard  {_describe_installer(change)}: {change.name} {change.before} → {change.after or '(not set)'}"
    rest = [item for item in report.changes if item not in report.culprits]
    if not everything:
        rest = [item for item in rest if item.before or not item.is_good]
    if rest:
        yield "what else happened to torch and its companions:"
    for item in rest:
        yield from _describe_change(report, item, indent="  ")
    if report.culprits:
        yield "  run    envtool check FILE   with what that instruction installs: it names versions that do"


def _render_verdict(report: BlameReport) -> str:
    if not report.changes:
        return "there is no torch in this image"
    if report.import_losses and not report.culprits:
        pinned = report.pin.torch.version if report.pin is not None else "the vendor's"
        return f"`python` does not import torch {pinned}"
    if report.is_intact:
        pinned = report.pin.torch.version if report.pin is not None else report.changes[0].after[0]
        return f"torch {pinned} is in place"
    is_one = len({item.location.name for item in report.culprits}) == 1
    return f"{_name_distributions(report)} {'is not as it' if is_one else 'are not as they'} should be"


def _name_distributions(report: BlameReport) -> str:
    names = list(dict.fromkeys(item.location.name for item in report.culprits))
    pin = report.pin
    return " and ".join(f"{name} {found.version}" if pin and (found := pin.find(name)) else name for name in names)


def _describe_change(report: BlameReport, item: TorchChange, indent: str) -> Iterator[str]:
    step = item.step
    yield f"{indent}layer {item.layer}, `{step.instruction}`: {_summarize_change(item)}{_describe_cause(item)}"
    if is_squashed(step):
        found = _find_likely(report, item)
        words = f"`{found.instruction}`" if found is not None else "none that speaks of it"
        yield f"{indent}  several instructions were squashed into it; the likely one: {words}"
    if item.damaged_files:
        more = f" and {len(item.damaged_files) - 3} more" if len(item.damaged_files) > 3 else ""
        yield f"{indent}  not as RECORD has them: {', '.join('/' + path for path in item.damaged_files[:3])}{more}"


def _describe_import_loss(loss: ImportLoss) -> Iterator[str]:
    where = f"layer {loss.step.layer}, " if loss.step is not None and loss.step.layer else ""
    by = f"{where}`{loss.step.instruction}`" if loss.step is not None else "not recorded where"
    found = f"torch {loss.version} in {loss.path} is imported" if loss.path else "no torch is imported"
    yield f"  {by}: {found}, because {loss.reason}"
    if loss.source is not None:
        yield f"    together with `{loss.source.instruction}`"


def _find_likely(report: BlameReport, item: TorchChange) -> ImageStep | None:
    return find_likely_step(report.image, item.step, item.location.name, [demand.name for demand in item.requirements])


def _summarize_change(item: TorchChange) -> str:
    location = item.location
    counts = f"{item.files:,} {'file' if item.files == 1 else 'files'}, {item.size / 1e6:+,.1f} MB".replace(
        "-0.0", "+0.0"
    )
    if item.before == item.after:
        return f"{location.name} {_list_versions(item.after)} changed in place, {counts}"
    return (
        f"{location.name} {_list_versions(item.before)} → {_list_versions(item.after)}, {counts}, in /{location.site}"
    )


def _list_versions(versions: tuple[str, ...]) -> str:
    return " and ".join(versions) or "none"


def _describe_cause(item: TorchChange) -> str:
    return (
        f"; pulled in by {'; '.join(map(str, item.requirements[:3]))}" if item.requirements and not item.is_good else ""
    )


def _describe_loss(loss: GuardLoss) -> str:
    return "is gone" if loss.is_gone else "is another file"


def _describe_installer(change: SettingChange) -> str:
    return (
        f"step {change.step.number}, `{change.step.instruction}`" if change.step is not None else "not recorded where"
    )


def create_blame_document(report: BlameReport) -> dict[str, Any]:
    """What the JSON is made from."""
    return {
        "schema": SCHEMA,
        "image": {"reference": report.image.reference, "id": report.image.identity, "layers": len(report.image.layers)},
        "status": "whole" if report.is_intact else "damaged" if report.changes else "no_torch",
        "pinned": report.pin.torch.version if report.pin is not None else None,
        "culprits": [_make_row(report, item) for item in report.culprits],
        "imports": [
            {
                **_make_step(missed.step),
                "path": missed.path or None,
                "version": missed.version,
                "reason": missed.reason,
                "source": _make_step(missed.source),
            }
            for missed in report.import_losses
        ],
        "guard": [
            *(
                {**_make_step(loss.step), "what": f"/{loss.path}", "change": _describe_loss(loss)}
                for loss in report.guard_losses
            ),
            *(
                {**_make_step(change.step), "what": change.name, "change": f"{change.before} → {change.after}"}
                for change in report.settings
            ),
        ],
        "changes": [_make_row(report, item) for item in report.changes],
    }


def _make_row(report: BlameReport, item: TorchChange) -> dict[str, Any]:
    found = _find_likely(report, item) if is_squashed(item.step) else None
    return {
        **_make_step(item.step),
        "likely": found.instruction if found is not None else None,
        "distribution": item.location.name,
        "folder": f"/{item.location.site}",
        "before": list(item.before),
        "after": list(item.after),
        "files": item.files,
        "bytes": item.size,
        "good": item.is_good,
        "pulled_in_by": [
            {
                "name": demand.name,
                "version": demand.version,
                "requirement": demand.requirement,
                "requested": demand.requested,
            }
            for demand in item.requirements
        ],
        "broken": [f"/{path}" for path in item.damaged_files],
    }


def _make_step(step: ImageStep | None) -> dict[str, Any]:
    if step is None:
        return {"layer": None, "step": None, "instruction": None}
    return {"layer": step.layer, "step": step.number, "instruction": step.instruction}
