"""A restore's plan and its outcome, for people and as JSON (docs/restore.schema.json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from envtool.release.version import versions_equal
from envtool.restore.plan import Repair, Replacement, RestorePlan

JSON_SCHEMA = "hac-envtool/restore/1"


def render_plan(plan: RestorePlan) -> str:
    """The plan as a person reads it."""
    lines = [f"{plan.environment.prefix.path}: pinned {plan.pin.version} ({plan.pin.origin.value})"]
    lines += [f"  {row['action']:<9} {_told(row)}" for row in plan_rows(plan)]
    if plan.is_empty and not plan.unshadowings:
        lines.append("  nothing to do")
    return "\n".join(lines)


def render_document(plan: RestorePlan, status: str, *, processes: list[int], after: str | None) -> str:
    """The plan and what came of it. `after` is doctor's verdict afterwards."""
    document = {
        "schema": JSON_SCHEMA,
        "status": status,
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
        "processes": processes,
        "after": after,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def plan_rows(plan: RestorePlan) -> Iterator[dict[str, Any]]:
    """One row for each action: what is done, to which distribution, from and to which version, and why."""
    for text in plan.keep:
        name, _, version = text.partition(" ")
        yield {"action": "keep", "distribution": name, "from": [version], "to": version, "why": []}
    for item in plan.mended:
        yield _mended(item)
    for gone in plan.removals:
        yield {"action": "remove", "distribution": gone.name, "from": [gone.version], "to": None, "why": [gone.why]}
    for path in plan.leftovers:
        why = "left behind by a broken-off install"
        yield {"action": "clear", "distribution": None, "path": str(path), "why": [why]}
    for copy in plan.unshadowings:
        why = f"{copy.folder} comes before site-packages"
        row = {"action": "unshadow", "distribution": copy.name, "from": [copy.version], "to": None, "why": [why]}
        yield {**row, "path": str(copy.folder)}
    for text in plan.left_alone:
        yield {"action": "leave", "distribution": None, "why": [text]}


def _mended(item: Replacement | Repair) -> dict[str, Any]:
    row: dict[str, Any] = {"distribution": item.name, "to": item.version, "why": list(item.reasons)}
    if isinstance(item, Repair):
        files = [entry.path for entry in item.rows]
        return {"action": "repair", **row, "from": [item.version], "files": files, "of": item.total}
    same = len(item.present) == 1 and versions_equal(item.present[0], item.version)
    return {"action": "reinstall" if same else "replace", **row, "from": list(item.present)}


def _told(row: dict[str, Any]) -> str:
    why = ", ".join(row["why"])
    match row["action"]:
        case "keep":
            return f"{row['distribution']} {row['to']}"
        case "repair":
            return f"{row['distribution']} {row['to']}: {len(row['files'])} of {row['of']} files   ({why})"
        case "replace" | "reinstall":
            before = ", ".join(row["from"]) or "nothing"
            return f"{row['distribution']}: {before} -> {row['to']}   ({why})"
        case "clear":
            return f"{row['path'].rsplit('/', 1)[-1]}   ({why})"
        case "leave":
            return why
        case _:
            return f"{row['distribution']} {', '.join(row['from'])}   ({why})"
