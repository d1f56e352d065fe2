"""The report of `envtool fleet` as text, as JSON (schema: docs/fleet.schema.json) and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from envtool.cli.render.jobs import render_table
from envtool.cli.report_format import FleetFormat
from envtool.cli.terminal import paint
from envtool.fleet.observation import FleetStanding, SubjectKind
from envtool.printable import join_lines

if TYPE_CHECKING:
    from envtool.fleet.report_fleet import FleetReport
    from envtool.fleet.tally import DayCount, Subject

JSON_SCHEMA = "hac-envtool/fleet/1"
# Rows of each table that a person sees; JSON has them all.
_SHOWN = 20
# Characters of a cause in a table.
_CAUSE = 100
_COLOURS = {
    FleetStanding.BAD: "red",
    FleetStanding.UNKNOWN: "yellow",
    FleetStanding.WARNING: "yellow",
    FleetStanding.GOOD: "green",
}
_PLURAL = {
    SubjectKind.ENVIRONMENT: "environments",
    SubjectKind.IMAGE: "images",
    SubjectKind.ACCELERATOR: "accelerators",
}


def render_fleet(report: FleetReport, format: FleetFormat) -> str:
    """The report, without a line's end after it."""
    match format:
        case FleetFormat.TEXT:
            return join_lines(_list_lines(report))
        case FleetFormat.JSON:
            from envtool.cli.render.json_text import render_json_text

            return render_json_text(create_fleet_document(report))
        case FleetFormat.HTML:
            from envtool.cli.render.html.page import render_page

            return render_page("fleet", create_fleet_document(report))


def _list_lines(report: FleetReport) -> Iterator[str]:
    yield from _list_unwell(report.unwell)
    if report.causes:
        yield from ("", "because of")
        rows = [
            [f"  {row.subjects}", row.package or "-", ", ".join(row.problems[:3]), row.example[:_CAUSE]]
            for row in report.causes[:_SHOWN]
        ]
        yield from render_table(rows)
        yield from _count_rest(report.causes)
    if report.releases:
        yield from ("", "in use")
        yield from render_table([[f"  {row.subjects}", row.what, row.version] for row in report.releases[:_SHOWN]])
        yield from _count_rest(report.releases)
    yield from _list_days(report.days)
    if report.skipped:
        yield from ("", "skipped")
        yield from (f"  {item.path}: {item.reason}" for item in report.skipped[:_SHOWN])
        yield from _count_rest(report.skipped)
    yield from ("", *_list_totals(report))


def _list_unwell(unwell: Sequence[Subject]) -> Iterator[str]:
    for item in unwell[:_SHOWN]:
        last = item.last
        status = paint(last.status, _COLOURS[last.standing], bold=last.standing is FleetStanding.BAD)
        others = f" and {len(item.names) - 1} more names" if len(item.names) > 1 else ""
        yield f"{status}  {last.name}{others}  since {_format_day(item.since)}"
        for problem in last.problems[:3]:
            yield f"  [{problem.id}] {problem.title}"
            if problem.cause:
                yield f"    because {problem.cause}"
        if len(last.problems) > 3:
            yield f"  and {len(last.problems) - 3} more"
    yield from _count_rest(unwell)


def _count_rest(rows: Sequence[object]) -> Iterator[str]:
    if len(rows) > _SHOWN:
        yield f"  and {len(rows) - _SHOWN} more; --format json has them all"


def _list_days(days: Sequence[DayCount]) -> Iterator[str]:
    for kind in SubjectKind:
        of_kind = [row for row in days if row.kind is kind]
        # One day says no more than the totals.
        if len(of_kind) < 2:
            continue
        yield from ("", f"{_PLURAL[kind]} by day (UTC)")
        head = ["  day", *(standing.name.lower() for standing in reversed(FleetStanding))]
        rows = [[f"  {row.day}", *(str(count) for _standing, count in reversed(row.counts))] for row in of_kind]
        yield from render_table([head, *rows[-_SHOWN:]])
        if len(rows) > _SHOWN:
            yield f"  the last {_SHOWN} of {len(rows)} days; --format json has them all"


def _list_totals(report: FleetReport) -> Iterator[str]:
    for kind in SubjectKind:
        standings = [item.last.standing for item in report.subjects if item.last.kind is kind]
        if standings:
            unwell = sum(standing is not FleetStanding.GOOD for standing in standings)
            what = _PLURAL[kind] if len(standings) != 1 else kind.value
            yield f"{len(standings)} {what}: {f'{unwell} not well' if unwell else 'all well'}"
    twice = f", {report.repeated} of them twice and counted once" if report.repeated else ""
    broken = f"; {len(report.skipped)} skipped" if report.skipped else ""
    yield f"{report.looks} looks in {report.files} files{twice}{broken}"


def _format_day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def create_fleet_document(report: FleetReport) -> dict[str, Any]:
    """The report as docs/fleet.schema.json describes it."""
    return {
        "schema": JSON_SCHEMA,
        "status": "unwell" if report.unwell else "incomplete" if report.skipped else "well",
        "files": report.files,
        "looks": report.looks,
        "repeated": report.repeated,
        "subjects": [_make_subject_row(item) for item in report.subjects],
        "causes": [
            {
                "package": row.package or None,
                "problems": list(row.problems),
                "subjects": row.subjects,
                "example": row.example,
            }
            for row in report.causes
        ],
        "releases": [{"what": row.what, "version": row.version, "subjects": row.subjects} for row in report.releases],
        "days": [
            {
                "day": row.day,
                "kind": row.kind.value,
                **{standing.name.lower(): count for standing, count in row.counts},
            }
            for row in report.days
        ],
        "skipped": [{"file": item.path, "reason": item.reason} for item in report.skipped],
    }


def _make_subject_row(item: Subject) -> dict[str, Any]:
    last = item.last
    return {
        "kind": last.kind.value,
        "name": last.name,
        "names": list(item.names),
        "host": last.host or None,
        "status": last.status,
        "standing": last.standing.name.lower(),
        "time": _format_time(last.time),
        "since": _format_time(item.since),
        "torch": last.torch or None,
        "driver": last.driver or None,
        "problems": [
            {
                "id": problem.id,
                "title": problem.title,
                "cause": problem.cause or None,
                "packages": list(problem.packages),
            }
            for problem in last.problems
        ],
    }


def _format_time(seconds: float) -> str:
    """In one zone, whichever zones the machines are in."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
