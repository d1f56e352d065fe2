"""A restore's plan and its outcome, for people and as JSON (docs/restore.schema.json)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from envtool.cli.render.json_text import render_json_text
from envtool.language import join_messages, phrase, tell, translate
from envtool.printable import join_lines, pad
from envtool.release.version import versions_equal
from envtool.restore.plan import Removal, Repair, Replacement, RestorePlan
from envtool.restore.restore import RestoreResult, RestoreStatus

JSON_SCHEMA = "hac-envtool/restore/1"
_ACTIONS = {
    "keep": tell("keep"),
    "repair": tell("repair"),
    "replace": tell("replace"),
    "reinstall": tell("reinstall"),
    "remove": tell("remove"),
    "clear": tell("clear"),
    "discard": tell("discard"),
    "unshadow": tell("unshadow"),
    "leave": tell("leave"),
}
# Files that a line of text names; JSON has all of them.
_NAMED = 10


def render_plan(plan: RestorePlan) -> str:
    """The plan as a person reads it."""
    place, origin = plan.environment.prefix.path, plan.pin.origin.value
    lines = [phrase("{path}: pinned {version} ({origin})", path=place, version=plan.pin.version, origin=origin)]
    lines += [f"  {pad(translate(_ACTIONS[row['action']]), 9)} {_render_row(row)}" for row in plan_rows(plan)]
    if plan.is_empty and not plan.user_copies:
        lines.append(f"  {phrase('nothing to do')}")
    return join_lines(lines)


def render_document(result: RestoreResult) -> str:
    """The plan and what came of it."""
    plan, report = result.plan, result.report
    document = {
        "schema": JSON_SCHEMA,
        "status": result.status.value,
        "environment": {
            "prefix": str(plan.environment.prefix.path),
            "python": ".".join(map(str, plan.environment.prefix.python)),
        },
        "pin": {
            "version": str(plan.pin.version),
            "origin": plan.pin.origin.name.lower(),
            "stand_in": plan.pin.stand_in,
        },
        "actions": list(plan_rows(plan)),
        "processes": [process.pid for process in result.processes],
        "after": report.status.value if report is not None else None,
    }
    return render_json_text(document)


def render_outcome(result: RestoreResult) -> str:
    """What came of a restore, as a person reads it; empty after a dry run."""
    lines = []
    if result.status is RestoreStatus.RESTORED:
        lines.append(_summarize(result.plan))
    elif result.status is RestoreStatus.NOTHING_TO_DO:
        # The vendor's own words, which scripts look for.
        lines.append(f"Already installed : {result.plan.pin.version}")
    if result.report is not None and not result.is_in_order:
        first = result.report.findings[0]
        lines += [phrase("still damaged: {title}", title=first.title)]
        lines += [f"  {pad(phrase('run'), 6)} {translate(first.remedy)}"] if first.remedy else []
    return join_lines(lines)


def _summarize(plan: RestorePlan) -> str:
    mended, removed = _join(plan.mended), _join(plan.removals)
    cleared = ", ".join(path.name for path in plan.leftovers)
    done = [phrase("restored: {names}", names=mended)] if mended else []
    done += [phrase("removed: {names}", names=removed)] if removed else []
    done += [phrase("cleared away: {names}", names=cleared)] if cleared else []
    return "; ".join([*done, phrase("pinned {version}", version=plan.pin.version)])


def _join(items: Iterable[Replacement | Repair | Removal]) -> str:
    return ", ".join(item.name for item in items)


def plan_rows(plan: RestorePlan) -> Iterator[dict[str, Any]]:
    """One row for each action: what is done, to which distribution, from and to which version, and why."""
    for kept in plan.keep:
        name, version = kept.name, kept.version
        yield {"action": "keep", "distribution": name, "from": [version], "to": version, "why": []}
    for item in plan.mended:
        yield _describe_fix(item)
    for gone in plan.removals:
        yield {"action": "remove", "distribution": gone.name, "from": [gone.version], "to": None, "why": [gone.why]}
    for path in plan.leftovers:
        why = tell("left behind by a broken-off install")
        yield {"action": "clear", "distribution": None, "path": str(path), "why": [why]}
    if plan.unrecorded:
        start = len(str(plan.environment.prefix.site_packages)) + 1
        files = [str(path)[start:] for path in plan.unrecorded]
        why = tell("they are in folders that go, and no RECORD names them")
        yield {"action": "discard", "distribution": None, "files": files, "why": [why]}
    for copy in plan.user_copies:
        why = tell("{folder} comes before site-packages", folder=copy.folder)
        row = {"action": "unshadow", "distribution": copy.name, "from": [copy.version], "to": None, "why": [why]}
        yield {**row, "path": str(copy.folder)}
    for text in plan.left_alone:
        yield {"action": "leave", "distribution": None, "why": [text]}


def _describe_fix(item: Replacement | Repair) -> dict[str, Any]:
    row: dict[str, Any] = {"distribution": item.name, "to": item.version, "why": list(item.reasons)}
    if isinstance(item, Repair):
        files = [entry.path for entry in item.rows]
        return {"action": "repair", **row, "from": [item.version], "files": files, "of": item.total}
    same = len(item.present) == 1 and versions_equal(item.present[0], item.version)
    return {"action": "reinstall" if same else "replace", **row, "from": list(item.present)}


def _render_row(row: dict[str, Any]) -> str:
    why = translate(join_messages(", ", row["why"]))
    match row["action"]:
        case "keep":
            return f"{row['distribution']} {row['to']}"
        case "repair":
            count = phrase("{count} of {total} files", count=len(row["files"]), total=row["of"])
            return f"{row['distribution']} {row['to']}: {count}   ({why})"
        case "replace" | "reinstall":
            before = ", ".join(row["from"]) or phrase("nothing")
            return f"{row['distribution']}: {before} -> {row['to']}   ({why})"
        case "clear":
            return f"{row['path'].rsplit('/', 1)[-1]}   ({why})"
        case "discard":
            further = len(row["files"]) - _NAMED
            more = f" {phrase('and {count} more', count=further)}" if further > 0 else ""
            return f"{', '.join(row['files'][:_NAMED])}{more}   ({why})"
        case "leave":
            return why
        case _:
            return f"{row['distribution']} {', '.join(row['from'])}   ({why})"
