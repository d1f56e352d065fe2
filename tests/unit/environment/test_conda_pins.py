"""conda's `pinned` file of the images, held to what conda's own solver makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from envtool.environment.conda_pins import render_conda_pins
from tests.support.conda_channel import index_channel, write_package

# Pins are constraints of a solve, as `conda` and `mamba` take them.
SOLVE = """
import asyncio, json, os, sys
from pathlib import Path
from rattler import Channel, Gateway, MatchSpec, Subdir, solve

async def main():
    channel, cache, specs, pins = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
    try:
        records = await solve(
            sources=[Channel(channel)],
            specs=specs,
            constraints=pins,
            gateway=Gateway(cache_dir=Path(cache)),
            platforms=[Subdir("linux-64"), Subdir("noarch")],
        )
        print(json.dumps({record.name.normalized: str(record.version) for record in records}), flush=True)
    except Exception as error:
        print(json.dumps({"error": str(error)}), flush=True)
    os._exit(0)

asyncio.run(main())
"""


def solved(channel: Path, cache: Path, specs: list[str], pins: list[str]) -> dict[str, str]:
    command = [sys.executable, "-c", SOLVE, channel.as_uri(), str(cache), json.dumps(specs), json.dumps(pins)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_no_torch_of_condas_and_no_other_python_and_nothing_else_is_kept_out(tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    for name, version, depends in (
        ("pytorch", "2.1.0", ["python"]),
        ("python", "3.11.9", []),
        ("python", "3.12.1", []),
        ("numpy", "1.26.0", ["python"]),
        ("wants-torch", "1.0", ["pytorch >=2"]),
        ("wants-maybe", "2.0", ["pytorch >=2"]),
        ("wants-maybe", "1.0", ["numpy"]),
    ):
        write_package(channel, name, version, depends, {f"share/{name}": version})
    index_channel(channel)
    pins = [line for line in render_conda_pins((3, 11)).splitlines() if not line.startswith("#")]
    cache = tmp_path / "cache"
    assert solved(channel, cache, ["numpy"], pins) == {"numpy": "1.26.0", "python": "3.11.9"}
    assert solved(channel, cache, ["wants-maybe"], pins)["wants-maybe"] == "1.0"
    assert "pytorch" in solved(channel, cache, ["wants-torch"], pins)["error"]
    assert "error" in solved(channel, cache, ["pytorch"], pins)
    assert solved(channel, cache, ["wants-torch"], [])["pytorch"] == "2.1.0"
