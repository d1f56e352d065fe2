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
from envtool.language import Message, join_listed, join_messages, phrase, tell, translate
from envtool.printable import join_lines, pad

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
    yield f"{report.image.reference}: {translate(_describe_verdict(report))}"
    for item in report.culprits:
        yield from _describe_change(report, item)
    for missed in report.import_losses:
        yield from _describe_import_loss(missed)
    guard = pad(phrase("guard"), 5)
    for loss in report.guard_losses:
        place = phrase("layer {layer}, `{instruction}`", layer=loss.layer, instruction=loss.step.instruction)
        yield f"  {guard}  {place}: /{loss.path} {translate(_describe_loss(loss))}"
    for change in report.settings:
        after = change.after or phrase("(not set)")
        yield f"  {guard}  {_describe_installer(change)}: {change.name} {change.before} → {after}"
    rest = [item for item in report.changes if item not in report.culprits]
    if not everything:
        rest = [item for item in rest if item.before or not item.is_good]
    if rest:
        yield phrase("what else happened to torch and its companions:")
    for item in rest:
        yield from _describe_change(report, item)
    if report.culprits:
        hint = phrase("envtool check FILE   with what that instruction installs: it names versions that do")
        yield f"  {pad(phrase('run'), 5)}  {hint}"


def _describe_verdict(report: BlameReport) -> Message:
    if not report.changes:
        return tell("there is no torch in this image")
    if report.import_losses and not report.culprits:
        pinned = report.pin.torch.version if report.pin is not None else tell("the vendor's")
        return tell("`python` does not import torch {version}", version=pinned)
    if report.is_intact:
        pinned = report.pin.torch.version if report.pin is not None else report.changes[0].after[0]
        return tell("torch {version} is in place", version=pinned)
    names = _name_distributions(report)
    if len({item.location.name for item in report.culprits}) == 1:
        return tell("{names} is not as it should be", names=names)
    return tell("{names} are not as they should be", names=names)


def _name_distributions(report: BlameReport) -> str:
    names = list(dict.fromkeys(item.location.name for item in report.culprits))
    pin = report.pin
    return join_listed(f"{name} {found.version}" if pin and (found := pin.find(name)) else name for name in names)


def _describe_change(report: BlameReport, item: TorchChange) -> Iterator[str]:
    step = item.step
    place = phrase("layer {layer}, `{instruction}`", layer=item.layer, instruction=step.instruction)
    yield f"  {place}: {translate(_summarize_change(item))}{_describe_cause(item)}"
    if is_squashed(step):
        found = _find_likely(report, item)
        words = f"`{found.instruction}`" if found is not None else tell("none that speaks of it")
        yield f"    {phrase('several instructions were squashed into it; the likely one: {words}', words=words)}"
    if item.damaged_files:
        paths = ", ".join("/" + path for path in item.damaged_files[:3])
        text = phrase("not as RECORD has them: {paths}", paths=paths)
        rest = len(item.damaged_files) - 3
        yield f"    {text} {phrase('and {count} more', count=rest)}" if rest > 0 else f"    {text}"


def _describe_import_loss(loss: ImportLoss) -> Iterator[str]:
    if loss.step is None:
        place = phrase("not recorded where")
    elif loss.step.layer:
        place = phrase("layer {layer}, `{instruction}`", layer=loss.step.layer, instruction=loss.step.instruction)
    else:
        place = f"`{loss.step.instruction}`"
    found = (
        tell("torch {version} in {path} is imported", version=loss.version, path=loss.path)
        if loss.path
        else tell("no torch is imported")
    )
    yield f"  {place}: {phrase('{what}, because {reason}', what=found, reason=loss.reason)}"
    if loss.source is not None:
        yield f"    {phrase('together with `{instruction}`', instruction=loss.source.instruction)}"


def _find_likely(report: BlameReport, item: TorchChange) -> ImageStep | None:
    return find_likely_step(report.image, item.step, item.location.name, [demand.name for demand in item.requirements])


def _summarize_change(item: TorchChange) -> Message:
    location, size = item.location, f"{item.size / 1e6:+,.1f} MB".replace("-0.0", "+0.0")
    number = f"{item.files:,}"
    files = tell("1 file") if item.files == 1 else tell("{count} files", count=number)
    after = join_listed(item.after) or tell("none")
    if item.before == item.after:
        return tell(
            "{name} {versions} changed in place, {files}, {size}",
            name=location.name,
            versions=after,
            files=files,
            size=size,
        )
    return tell(
        "{name} {before} → {after}, {files}, {size}, in /{folder}",
        name=location.name,
        before=join_listed(item.before) or tell("none"),
        after=after,
        files=files,
        size=size,
        folder=location.site,
    )


def _describe_cause(item: TorchChange) -> str:
    if not item.requirements or item.is_good:
        return ""
    causes = join_messages("; ", map(str, item.requirements[:3]))
    return f"; {phrase('pulled in by {causes}', causes=causes)}"


def _describe_loss(loss: GuardLoss) -> Message:
    return tell("is gone") if loss.is_gone else tell("is another file")


def _describe_installer(change: SettingChange) -> str:
    if change.step is None:
        return phrase("not recorded where")
    return phrase("step {number}, `{instruction}`", number=change.step.number, instruction=change.step.instruction)


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
