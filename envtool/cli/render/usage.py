"""How long flavours were held, as an estimate (schema: docs/jobs.schema.json), and one look of a watch as a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from envtool.cli.render.jobs import describe_job, render_metrics, render_table
from envtool.cli.report_format import JobsFormat
from envtool.language import join_messages, phrase, translate
from envtool.printable import join_lines

if TYPE_CHECKING:
    from envtool.driver.usage import PriceList, UsageTally
    from envtool.driver.watch import WatchedLook

JSON_SCHEMA = "hac-envtool/jobs-usage/1"


def render_usage(tally: UsageTally, prices: PriceList | None, format: JobsFormat) -> str:
    """The sums, without a line's end after them."""
    match format:
        case JobsFormat.TEXT:
            return join_lines(_list_lines(tally, prices))
        case JobsFormat.JSON:
            from envtool.cli.render.json_text import render_json_text

            return render_json_text(_make_document(tally, prices))
        case JobsFormat.PROMETHEUS:
            from envtool.cli.render.interface import Metric

            rows = tally.list_rows()
            samples = tuple(({"day": row.day, "flavor": row.flavor}, round(row.minutes * 60)) for row in rows)
            name, text = "hac_accelerator_estimated_held_seconds", "How long a flavour was held, an estimate."
            return render_metrics("envtool jobs", (Metric(name, text, samples),))


def render_look(look: WatchedLook) -> str:
    """What a look saw, and what the log has of today."""
    assert look.report is not None
    jobs = [job for job in look.report.jobs if job.id or job.is_idle]
    text = translate(join_messages("; ", map(describe_job, jobs))) or phrase("no job holds an accelerator")
    today = look.time.date().isoformat()
    sums = ", ".join(f"{row.flavor} {row.minutes:g} min" for row in look.tally.list_rows() if row.day == today)
    ending = look.report.ending
    run = f"; {phrase('run: {command}', command=ending.command)}" if ending is not None else ""
    total = f"   ({phrase('today, an estimate: {sums}', sums=sums)})" if sums else ""
    return f"{look.time:%H:%M:%S} {text}{run}{total}"


def _list_lines(tally: UsageTally, prices: PriceList | None) -> Iterable[str]:
    rows = tally.list_rows(prices)
    if not rows:
        yield phrase("no job was seen to hold an accelerator")
    else:
        currency = prices.currency if prices is not None else ""
        header = [phrase("day"), phrase("flavour"), phrase("minutes"), phrase("of them without work")]
        header += [phrase("cost {currency}", currency=currency).strip()] if prices else []
        table = [header]
        for row in rows:
            cost = ["-" if row.cost is None else f"{row.cost:.2f}"] if prices is not None else []
            table.append([row.day, row.flavor, f"{row.minutes:.1f}", f"{row.idle:.1f}", *cost])
        yield from render_table(table)
        costs = [row.cost for row in rows if row.cost is not None]
        if costs:
            yield phrase("total {sum:.2f} {currency}", sum=sum(costs), currency=currency).rstrip()
        missing = sorted({row.flavor for row in rows if row.cost is None}) if prices is not None else []
        if missing:
            yield phrase("no price for {names}", names=", ".join(missing))
    yield phrase(
        "an estimate from what was seen; the service's own account is what counts: {looks} looks, {failures} of them "
        "failed",
        looks=tally.looks,
        failures=tally.failures,
    )
    if tally.unreadable:
        yield phrase("{count} lines of the log cannot be read", count=tally.unreadable)


def _make_document(tally: UsageTally, prices: PriceList | None) -> dict[str, Any]:
    return {
        "schema": JSON_SCHEMA,
        "estimate": True,
        "currency": prices.currency if prices is not None else None,
        "looks": tally.looks,
        "failed_looks": tally.failures,
        "unreadable_lines": tally.unreadable,
        "usage": [asdict(row) for row in tally.list_rows(prices)],
    }
