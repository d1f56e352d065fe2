"""systemd units that write metrics for the textfile collector of Prometheus' node exporter. Pure.

Formats: systemd.unit(5), systemd.service(5), systemd.timer(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# Where Debian's node exporter looks.
TEXTFILES = Path("/var/lib/prometheus/node-exporter")
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@+,-]+")


@dataclass(frozen=True, kw_only=True)
class UnitsRequest:
    """`program` is envtool itself, `prefix` the environment to look after; all paths are absolute.

    `minutes` lie between two looks of doctor, and between two of jobs. `user` runs them.
    """

    program: Path
    prefix: Path
    textfiles: Path = TEXTFILES
    minutes: int = 15
    jobs_minutes: int = 1
    user: str = "root"


def render_units(request: UnitsRequest) -> dict[str, str]:
    """The content of each unit's file, by its name."""
    doctor = ["doctor", "--prefix", str(request.prefix)]
    units = {
        "hac-doctor": ("is the vendor torch in place", doctor, request.minutes),
        "hac-jobs": ("what holds the accelerator", ["jobs"], request.jobs_minutes),
    }
    files = {}
    for name, (what, arguments, minutes) in units.items():
        output = request.textfiles / f"{name}.prom"
        command = [str(request.program), "--quiet", *arguments, "--format", "prometheus", "--output", str(output)]
        files[f"{name}.service"] = _render_service(what, command, request)
        files[f"{name}.timer"] = _render_timer(what, minutes)
    return files


def _render_service(what: str, command: list[str], request: UnitsRequest) -> str:
    # Written out: in a system's unit %u is the user of the service manager, which is root.
    cache = f"hac-envtool/{request.user}"
    return f"""\
# Written by `envtool fleet units`.
[Unit]
Description=envtool: {what}, for Prometheus

[Service]
Type=oneshot
User={request.user}
ExecStart={" ".join(map(_quote, command))}
# 1 is an answer, and the metrics tell it.
SuccessExitStatus=1
TimeoutStartSec=10min
# One for each user: what another one has written there is not to be believed.
Environment={_quote_path(Path(f"XDG_CACHE_HOME=/var/cache/{cache}"))}
CacheDirectory={_quote_path(Path(cache))}
CacheDirectoryMode=0700
Nice=10
IOSchedulingClass=idle
# It reads the environment, and writes its one file.
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=read-only
ProtectSystem=strict
ReadWritePaths={_quote_path(request.textfiles)}
"""


def _render_timer(what: str, minutes: int) -> str:
    return f"""\
# Written by `envtool fleet units`.
[Unit]
Description=envtool: {what}, every {minutes} min

[Timer]
OnBootSec=1min
OnUnitInactiveSec={minutes}min
RandomizedDelaySec={max(1, minutes * 2)}s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def _quote(word: str) -> str:
    """A word of a command line: `%` and `$` mean something to systemd, quoted or not."""
    return _quote_text(word.replace("%", "%%").replace("$", "$$"))


def _quote_path(path: Path) -> str:
    return _quote_text(str(path).replace("%", "%%"))


def _quote_text(text: str) -> str:
    if _PLAIN.fullmatch(text.replace("%%", "").replace("$$", "") or "x"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
