"""A local conda channel of small packages, and installs from it by py-rattler, which does what conda does."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path


def write_package(channel: Path, name: str, version: str, depends: list[str], files: dict[str, str]) -> None:
    """A conda package (`.tar.bz2`); a file that names `/placeholder` gets the prefix in its place when linked."""
    index = {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": depends,
        "subdir": "linux-64",
        "arch": "x86_64",
        "platform": "linux",
    }
    paths = []
    for path, text in files.items():
        row = {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "size_in_bytes": len(text),
        }
        if "/placeholder" in text:
            row |= {"prefix_placeholder": "/placeholder", "file_mode": "text"}
        paths.append(row)
    members = {
        "info/index.json": json.dumps(index),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
        "info/files": "".join(f"{path}\n" for path in files),
        **files,
    }
    target = channel / "linux-64" / f"{name}-{version}-0.tar.bz2"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:bz2") as archive:
        for path, text in members.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(text.encode()), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))


def index_channel(channel: Path) -> None:
    """Write the channel's repodata."""
    _run(
        """
import asyncio, sys
from pathlib import Path
from rattler.index import index_fs

asyncio.run(index_fs(Path(sys.argv[1]), force=True, write_shards=False))
""",
        channel,
    )


def conda_install(channel: Path, prefix: Path, spec: str) -> None:
    """Solve `spec` against the channel and link the packages into `prefix`, over whatever is there."""
    _run(
        """
import asyncio, sys
from pathlib import Path
from rattler import Channel, Gateway, MatchSpec, Subdir, install, solve

channel, prefix, spec = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

async def run():
    records = await solve(
        sources=[Channel(channel.as_uri())],
        specs=[spec],
        gateway=Gateway(cache_dir=channel / "cache"),
        platforms=[Subdir("linux-64"), Subdir("noarch")],
    )
    await install(
        records,
        target_prefix=prefix,
        cache_dir=channel / "packages",
        show_progress=False,
        # py-rattler 0.28 hands these on without taking them out of their wrappers.
        requested_specs=[MatchSpec(spec)._match_spec],
    )

asyncio.run(run())
""",
        channel,
        prefix,
        spec,
    )


def _run(code: str, *arguments: Path | str) -> None:
    # In a process of its own, which does not take the interpreter down: py-rattler's threads may outlive its work.
    ended = f"{code}\nimport os\nos._exit(0)\n"
    subprocess.run([sys.executable, "-c", ended, *map(str, arguments)], check=True, timeout=120)
