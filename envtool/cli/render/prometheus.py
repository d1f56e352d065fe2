"""A doctor report for the textfile collector of Prometheus' node exporter (Prometheus, "Exposition formats")."""

from __future__ import annotations

from collections import Counter

from envtool.doctor.findings import Report, Status
from envtool.release.profile import TORCH

_STATUS = {Status.HEALTHY: 0, Status.DEGRADED: 1, Status.DAMAGED: 2}


def render_prometheus(report: Report) -> str:
    """The status, the number of findings by id, and the versions, as gauges."""
    prefix = report.environment.context.display(str(report.environment.prefix.path))
    lines = ["# HELP hac_doctor_status 0 healthy, 1 degraded, 2 damaged.", "# TYPE hac_doctor_status gauge"]
    lines.append(f"hac_doctor_status{metric_labels(prefix=prefix)} {_STATUS[report.status]}")
    lines += ["# HELP hac_doctor_findings Findings by id and severity.", "# TYPE hac_doctor_findings gauge"]
    counted = Counter((item.id, item.severity.value, "false") for item in report.findings)
    counted += Counter((item.id, item.severity.value, "true") for item in report.ignored)
    for (identity, severity, ignored), count in sorted(counted.items()):
        labels = metric_labels(prefix=prefix, id=identity, severity=severity, ignored=ignored)
        lines.append(f"hac_doctor_findings{labels} {count}")
    installed = report.environment.find(TORCH)
    labels = metric_labels(
        prefix=prefix,
        installed=installed[-1].version if installed else "",
        pinned=report.pin.torch.version if report.pin else "",
    )
    lines += ["# HELP hac_torch_info The installed and the pinned torch.", "# TYPE hac_torch_info gauge"]
    lines.append(f"hac_torch_info{labels} 1")
    return "\n".join(lines)


def metric_labels(**values: str) -> str:
    """A metric's labels as the exposition format spells them."""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in values.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
