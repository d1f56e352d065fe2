"""The answers of `envtool check` in each of its formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from envtool.cli.render.interface import CheckReport, FileLocation, Level, Problem, Rule, Suite
from envtool.cli.render.json_text import render_json_text
from envtool.cli.render.write import write_report
from envtool.cli.report_format import CheckFormat, Format
from envtool.cli.terminal import paint
from envtool.language import Message, join_messages, phrase, tell, translate
from envtool.printable import join_lines
from envtool.release.read_profile import DEFAULT
from envtool.requirements.model import Section
from envtool.requirements.prediction import LineChange, Prediction, Suggestion
from envtool.requirements.static import Effect, Verdict
from envtool.requirements.target import Target

JSON_SCHEMA = "hac-envtool/check/1"
_VERDICTS = {
    Verdict.SAFE: tell("safe"),
    Verdict.CLOBBERED: tell("clobbered"),
    Verdict.BLOCKED: tell("blocked"),
    Verdict.UNKNOWN: tell("unknown"),
}
_COLOURS = {Verdict.SAFE: "green", Verdict.CLOBBERED: "red", Verdict.BLOCKED: "red", Verdict.UNKNOWN: "yellow"}
_TOOL = "envtool check"
_CLOBBERED = Rule("torch-clobbered", "Installing this file would replace the vendor torch")
_UNKNOWN = Rule("check-unknown", "What installing this file would do cannot be told", Level.WARNING)
# A set may have dozens of chains to the same torch; the first few tell the story.
_SHOWN = 6


def render_answers(answers: Sequence[Prediction], target: Target, format: CheckFormat) -> str:
    """The answers in a format, without a line's end after them."""
    match format:
        case CheckFormat.TEXT:
            return join_lines(line for group in _group_equal(answers, target) for line in _render_group(group, target))
        case CheckFormat.JSON:
            return render_json_text(_make_document(answers, target))
        case CheckFormat.HTML:
            from envtool.cli.render.html.reports import render_check_page

            return render_check_page(_make_document(answers, target))
        case CheckFormat.SARIF:
            return write_report(convert_predictions(answers), Format.SARIF)
        case CheckFormat.GITHUB:
            return write_report(convert_predictions(answers), Format.GITHUB)


def make_title(answer: Prediction) -> Message:
    """The file, and the extra, group or instruction in it."""
    return _add_installer(str(answer.requirement_set), answer)


def _add_installer(title: str, answer: Prediction) -> Message:
    if answer.installer is None:
        return tell("{text}", text=title)
    return tell("{title} by {installer}", title=title, installer=answer.installer.value)


def _group_equal(answers: Sequence[Prediction], target: Target) -> Iterator[list[Prediction]]:
    """Answers of one file of which the same is to be told: five extras that bring one torch are one trouble."""
    groups: dict[object, list[Prediction]] = {}
    for answer in answers:
        wanted = answer.requirement_set
        is_alone = answer.verdict is Verdict.SAFE or wanted.section is Section.INSTRUCTION
        told = (wanted.path, answer.installer, answer.verdict, answer.why, tuple(_render_body(answer, target)))
        groups.setdefault(id(answer) if is_alone else told, []).append(answer)
    yield from groups.values()


def _render_group(group: Sequence[Prediction], target: Target) -> list[str]:
    answer = group[0]
    verdict = paint(translate(_VERDICTS[answer.verdict]), _COLOURS[answer.verdict], bold=True)
    title = make_title(answer) if len(group) == 1 else _join_titles(group)
    return [f"{verdict}: {translate(title)}: {translate(answer.why)}", *_render_body(answer, target)]


def _join_titles(group: Sequence[Prediction]) -> Message:
    """The file, and the names of all of its parts that a group is about."""
    names: dict[Section, list[str]] = {}
    for answer in group:
        names.setdefault(answer.requirement_set.section, []).append(answer.requirement_set.name)
    parts = [
        f"{section.value}{'s' if len(found) > 1 else ''} {', '.join(found)}" if any(found) else tell("itself")
        for section, found in names.items()
    ]
    title = tell("{path} ({parts})", path=group[0].requirement_set.path, parts=join_messages("; ", parts))
    return _add_installer(title, group[0])


def _render_body(answer: Prediction, target: Target) -> list[str]:
    lines: list[str] = []
    for clobber in answer.clobbers:
        lines.append(f"  {phrase('would change {change}', change=str(clobber.change))}")
        lines += [f"    {phrase('because {reason}', reason=str(chain))}" for chain in clobber.chains[:_SHOWN]]
        rest = len(clobber.chains) - _SHOWN
        lines += [f"    {phrase('and {count} more', count=rest)}"] if rest > 0 else []
    for remark in answer.effects:
        if remark.effect is not Effect.KEEPS:
            lines.append(f"  {remark.entry.location}: {remark.entry.display}: {translate(remark.why)}")
    if answer.failure is not None:
        lines += [f"  {phrase('not judged')}  {translate(str(answer.failure))}"] if answer.is_bad else []
    others = [text for text in answer.requirement_set.unresolved if text not in answer.why]
    lines += [f"  {phrase('not known')}  {translate(text)}" for text in others]
    step = _find_next_step(answer)
    lines += [f"  {phrase('next')}  {translate(step)}"] if step else []
    if answer.suggestion is not None:
        lines += _format_suggestion(answer.suggestion, target)
    elif answer.is_bad:
        lines.append(f"  {phrase('pinned')}  torch {target.pin.version}, {_describe_pin(target)}")
    return lines


def _describe_pin(target: Target) -> str:
    pin = target.pin
    return (
        phrase("the only build that sees the accelerator")
        if pin.profile_id == DEFAULT
        else translate(pin.profile.title)
    )


def _find_next_step(answer: Prediction) -> str:
    wanted = answer.requirement_set
    if answer.next_step or answer.failure is not None:
        return answer.next_step or (answer.failure.remedy if answer.failure is not None else "")
    is_unread = wanted.unresolved or wanted.unknown_sources
    if answer.verdict is Verdict.UNKNOWN and is_unread and wanted.instruction is not None:
        command = wanted.instruction.location.edit_command
        return tell("{command}   (write out what it installs)", command=command)
    return ""


def _format_suggestion(suggestion: Suggestion, target: Target) -> list[str]:
    version = target.pin.version
    if suggestion.none is not None:
        if not suggestion.is_proven:
            return [f"  {phrase('fix')}  {phrase('unknown: {reason}', reason=suggestion.none)}"]
        text = phrase("there is none beside torch {version}: {reason}", version=version, reason=suggestion.none)
        return [f"  {phrase('fix')}  {text}"]
    lines = [_format_change(item) for item in suggestion.replacements]
    if not suggestion.replacements:
        text = phrase("pin torch, which suffices: envtool install does, or the line below")
        lines.append(f"  {phrase('fix')}  {text}")
    lines += [f"       {phrase('and a line {line}', line=pin)}" for pin in suggestion.added]
    return [*lines, f"  {phrase('run')}  {suggestion.command}"] if suggestion.command is not None else lines


def _format_change(item: LineChange) -> str:
    why = f"   ({translate(item.why)})" if item.why else ""
    return f"  {phrase('fix')}  {item.entry.location}: {translate(item.text)}{why}"


def _make_document(answers: Sequence[Prediction], target: Target) -> dict[str, Any]:
    bad = any(answer.is_bad for answer in answers)
    safe = all(item.verdict is Verdict.SAFE for item in answers)
    return {
        "schema": JSON_SCHEMA,
        "status": "clobbered" if bad else "safe" if safe else "unknown",
        "pin": {item.name: item.version for item in target.pin.distributions},
        "python": target.python,
        "answers": [_answer(answer) for answer in answers],
    }


def _answer(answer: Prediction) -> dict[str, Any]:
    suggestion = answer.suggestion
    return {
        "file": str(answer.requirement_set.path),
        "set": answer.requirement_set.label,
        "installer": answer.installer.value if answer.installer is not None else None,
        "verdict": answer.verdict.value,
        "why": answer.why,
        "next": _find_next_step(answer) or None,
        "changes": [{"name": item.name, "before": item.before, "after": item.after} for item in answer.changes],
        "clobbers": [
            {
                "name": item.change.name,
                "before": item.change.before,
                "after": item.change.after,
                "chains": [
                    {
                        **_make_place(chain.entry.location),
                        "requested": chain.entry.display,
                        "links": [
                            {"name": link.name, "version": link.version, "requires": link.requirement}
                            for link in chain.links
                        ],
                    }
                    for chain in item.chains
                ],
            }
            for item in answer.clobbers
        ],
        "remarks": [
            {
                **_make_place(item.entry.location),
                "requested": item.entry.display,
                "effect": item.effect.value,
                "why": item.why,
            }
            for item in answer.effects
        ],
        "suggestion": None
        if suggestion is None
        else {
            "replacements": [
                {**_make_place(item.entry.location), "was": item.entry.display, "becomes": item.text, "why": item.why}
                for item in suggestion.replacements
            ],
            "added": list(suggestion.added),
            "none": suggestion.none,
            "run": suggestion.command,
        },
    }


def _make_place(place: Any) -> dict[str, Any]:
    return {"file": str(place.path), "line": place.line}


def _make_messages(answer: Prediction) -> list[tuple[str, int, str]]:
    """File, line and text for each line that has a part in a bad answer."""
    found = [
        (str(chain.entry.location.path), chain.entry.location.line, f"{clobber.change}: {chain}")
        for clobber in answer.clobbers
        for chain in clobber.chains
    ]
    found += [
        (str(item.entry.location.path), item.entry.location.line, f"{item.entry.display}: {item.why}")
        for item in answer.effects
        if item.effect is Effect.REPLACES and not answer.clobbers
    ]
    return found or [(str(answer.requirement_set.path), 1, answer.why)]


def convert_predictions(answers: Sequence[Prediction]) -> CheckReport:
    """The answers as the writers take them: a suite for each file and installer."""
    return CheckReport(
        tool=_TOOL, rules=(_CLOBBERED, _UNKNOWN), suites=tuple(_make_suite(answer) for answer in answers)
    )


def _make_suite(answer: Prediction) -> Suite:
    title = make_title(answer)
    problems = [
        Problem(rule=_CLOBBERED.id, title=text, locations=(FileLocation(file, line),))
        for file, line, text in (_make_messages(answer) if answer.is_bad else ())
    ]
    unread = answer.failure is not None or answer.requirement_set.unresolved or answer.requirement_set.unknown_sources
    if answer.verdict is Verdict.UNKNOWN and unread:
        problems.append(_make_unknown(answer))
    return Suite(
        name=f"{_TOOL} {title}",
        group=_TOOL,
        verdict=f"{_TOOL}: {title}: {answer.verdict.value}",
        problems=tuple(problems),
    )


def _make_unknown(answer: Prediction) -> Problem:
    wanted = answer.requirement_set
    line = wanted.instruction.location.line if wanted.instruction is not None else 1
    return Problem(
        rule=_UNKNOWN.id,
        title=answer.why,
        level=_UNKNOWN.level,
        subject=wanted.label,
        remedy=_find_next_step(answer),
        locations=(FileLocation(str(wanted.path), line),),
    )
