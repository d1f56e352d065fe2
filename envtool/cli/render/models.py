"""What came of a model's run (schema: docs/models.schema.json)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envtool.cli.report_format import PlainFormat
from envtool.language import tell, translate
from envtool.printable import join_lines, pad

if TYPE_CHECKING:
    from envtool.models.judge import ModelRun

JSON_SCHEMA = "hac-envtool/models/1"
_WORDS = {True: tell("yes"), False: tell("NO"), None: tell("not known")}


def render_model_run(run: ModelRun, format: PlainFormat) -> str:
    """The run, without a line's end after it."""
    if format is PlainFormat.TEXT:
        checks = (
            f"{pad(translate(_WORDS[check.passed]), 9)}  {translate(check.title)}: {translate(check.detail)}"
            for check in run.checks
        )
        return join_lines([translate(run.describe()), *checks])
    from envtool.cli.render.json_text import render_json_text

    return render_json_text(
        {
            "schema": JSON_SCHEMA,
            "status": "learns" if run.passed else "failed",
            "model": run.name,
            "torch": run.torch,
            "release": run.release,
            "device": run.device,
            "device_name": run.device_name,
            # What is no number has no place in JSON.
            "samples_per_second": run.samples_per_second if run.samples_per_second > 0 else None,
            "checks": [
                {"id": check.id, "title": check.title, "passed": check.passed, "detail": check.detail}
                for check in run.checks
            ],
        }
    )
