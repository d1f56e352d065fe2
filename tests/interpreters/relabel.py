"""Gives a wheel another version, as a vendor does that builds on an upstream release.

Format: binary distribution format 1.0; RECORD: "Recording installed projects", "The RECORD file".
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path


def relabel_wheel(wheel: Path, version: str, folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write `wheel` into `folder` under another version, with `files` in the place of those that it has; its new path.

    The large members are copied as they are: only the `.dist-info` and `files` are written anew, at the archive's end.
    """
    name, old = wheel.name.split("-")[:2]
    before, after = f"{name}-{old}.dist-info", f"{name}-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / wheel.name.replace(f"{name}-{old}-", f"{name}-{version}-", 1)
    shutil.copyfile(wheel, target)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        records = [item for item in archive.filelist if item.filename.startswith(f"{before}/")]
        changed = {item.filename.replace(before, after, 1): archive.read(item) for item in records if not item.is_dir()}
        record = changed.pop(f"{after}/RECORD").decode()
        metadata = changed[f"{after}/METADATA"].decode()
        changed[f"{after}/METADATA"] = re.sub(r"(?m)^Version: .*$", f"Version: {version}", metadata, count=1).encode()
        changed |= files
        # What the archive's directory no longer lists is no longer in it.
        archive.filelist = [item for item in archive.filelist if item not in records and item.filename not in files]
        archive.NameToInfo = {item.filename: item for item in archive.filelist}
        for path, data in changed.items():
            archive.writestr(path, data)
        archive.writestr(f"{after}/RECORD", _record(record, before, after, changed))
    return target


def _record(text: str, before: str, after: str, changed: Mapping[str, bytes]) -> str:
    rows = [row for row in csv.reader(io.StringIO(text)) if not row[0].startswith(before) and row[0] not in changed]
    for path, data in changed.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append([path, f"sha256={digest}", str(len(data))])
    rows.append([f"{after}/RECORD", "", ""])
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()
