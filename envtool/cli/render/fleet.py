"""The report of `envtool fleet` as text, as JSON (schema: docs/fleet.schema.json) and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from envtool.cli.render.jobs import render_table
from envtool.cli.report_format import FleetFormat
from envtool.cli.terminal import paint
from envtool.doctor.finding_kind import FindingKind
from envtool.fleet.observation import FleetStanding, SubjectKind
from envtool.language import ENGLISH, Message, get_language, phrase, tell, translate
from envtool.printable import join_lines

if TYPE_CHECKING:
    from envtool.fleet.observation import FleetProblem
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
_BY_DAY = {
    SubjectKind.ENVIRONMENT: tell("environments by day (UTC)"),
    SubjectKind.IMAGE: tell("images by day (UTC)"),
    SubjectKind.ACCELERATOR: tell("accelerators by day (UTC)"),
}
_STANDINGS = {
    FleetStanding.BAD: tell("bad"),
    FleetStanding.UNKNOWN: tell("unknown"),
    FleetStanding.WARNING: tell("warning"),
    FleetStanding.GOOD: tell("good"),
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
        yield from ("", phrase("because of"))
        rows = [
            [f"  {row.subjects}", row.package or "-", ", ".join(row.problems[:3]), row.example[:_CAUSE]]
            for row in report.causes[:_SHOWN]
        ]
        yield from render_table(rows)
        yield from _count_rest(report.causes)
    if report.releases:
        yield from ("", phrase("in use"))
        yield from render_table([[f"  {row.subjects}", row.what, row.version] for row in report.releases[:_SHOWN]])
        yield from _count_rest(report.releases)
    yield from _list_days(report.days)
    if report.skipped:
        yield from ("", phrase("skipped"))
        yield from (f"  {item.path}: {translate(item.reason)}" for item in report.skipped[:_SHOWN])
        yield from _count_rest(report.skipped)
    yield from ("", *_list_totals(report))


def _list_unwell(unwell: Sequence[Subject]) -> Iterator[str]:
    for item in unwell[:_SHOWN]:
        last = item.last
        status = paint(translate(last.status), _COLOURS[last.standing], bold=last.standing is FleetStanding.BAD)
        others = f" {phrase('and {count} more names', count=len(item.names) - 1)}" if len(item.names) > 1 else ""
        yield f"{status}  {last.name}{others}  {phrase('since {day}', day=_format_day(item.since))}"
        for problem in last.problems[:3]:
            yield f"  [{problem.id}] {_tell_title(problem)}"
            if problem.cause:
                yield f"    {phrase('because {reason}', reason=problem.cause)}"
        if len(last.problems) > 3:
            yield f"  {phrase('and {count} more', count=len(last.problems) - 3)}"
    yield from _count_rest(unwell)


def _tell_title(problem: FleetProblem) -> str:
    """The title as the document has it, which is English; in another language that of the kind, without its details."""
    if get_language() == ENGLISH:
        return problem.title
    return translate(next((kind.title for kind in FindingKind if kind.id == problem.id), problem.title))


def _count_rest(rows: Sequence[object]) -> Iterator[str]:
    if len(rows) > _SHOWN:
        yield "  " + phrase("and {count} more; --format json has them all", count=len(rows) - _SHOWN)


def _list_days(days: Sequence[DayCount]) -> Iterator[str]:
    for kind in SubjectKind:
        of_kind = [row for row in days if row.kind is kind]
        # One day says no more than the totals.
        if len(of_kind) < 2:
            continue
        yield from ("", translate(_BY_DAY[kind]))
        head = [f"  {phrase('day')}", *(translate(_STANDINGS[standing]) for standing in reversed(FleetStanding))]
        rows = [[f"  {row.day}", *(str(count) for _standing, count in reversed(row.counts))] for row in of_kind]
        yield from render_table([head, *rows[-_SHOWN:]])
        if len(rows) > _SHOWN:
            yield "  " + phrase(
                "the last {shown} of {count} days; --format json has them all", shown=_SHOWN, count=len(rows)
            )


def _list_totals(report: FleetReport) -> Iterator[str]:
    for kind in SubjectKind:
        standings = [item.last.standing for item in report.subjects if item.last.kind is kind]
        if standings:
            unwell = sum(standing is not FleetStanding.GOOD for standing in standings)
            what = translate(_count_subjects(kind, len(standings)))
            yield f"{what}: {phrase('{count} not well', count=unwell) if unwell else phrase('all well')}"
    looks = tell("{looks} looks in {files} files", looks=report.looks, files=report.files)
    if report.repeated:
        looks = tell("{looks}, {count} of them twice and counted once", looks=looks, count=report.repeated)
    broken = f"; {phrase('{count} skipped', count=len(report.skipped))}" if report.skipped else ""
    yield f"{translate(looks)}{broken}"


def _count_subjects(kind: SubjectKind, count: int) -> Message:
    match kind:
        case SubjectKind.ENVIRONMENT:
            return tell("1 environment") if count == 1 else tell("{count} environments", count=count)
        case SubjectKind.IMAGE:
            return tell("1 image") if count == 1 else tell("{count} images", count=count)
        case SubjectKind.ACCELERATOR:
            return tell("1 accelerator") if count == 1 else tell("{count} accelerators", count=count)


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
