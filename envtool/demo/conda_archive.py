"""Writes a conda package of the newer kind, `.conda`: zstd takes a tenth of bzip2's time to unpack.

Format: conda documentation, "Package specification", and conda-package-streaming's: an uncompressed zip archive of
`metadata.json` and two tar archives packed with zstd, one of the files and one of the information about them.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

_METADATA = json.dumps({"conda_pkg_format_version": 2})
# The highest level makes packages an eighth smaller, in ten times the time.
_LEVEL = 9
PackageMember = tuple[tarfile.TarInfo, bytes]


def write_conda(target: Path, files: Iterable[PackageMember], info: Mapping[str, str], epoch: int) -> None:
    """Write a package: its files, and the texts of `info` by their paths; `epoch` is the time of all, in seconds.

    The same arguments make the same bytes, for one version of zstandard. Raises `OSError`.
    """
    from zstandard import ZstdCompressor

    texts = [(_add_text_file(name, text), text.encode()) for name, text in sorted(info.items())]
    packed = ZstdCompressor(level=_LEVEL)
    with zipfile.ZipFile(target, "w") as archive:
        # Without a time: a zip archive's begin in 1980, and nothing reads them.
        archive.writestr(zipfile.ZipInfo("metadata.json"), _METADATA)
        for part, members in (("pkg", files), ("info", texts)):
            data = packed.compress(_write_tar(members, epoch))
            archive.writestr(zipfile.ZipInfo(f"{part}-{target.stem}.tar.zst"), data)


def _add_text_file(name: str, text: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(text.encode()), 0o644
    return member


def _write_tar(members: Iterable[PackageMember], epoch: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, data in members:
            member.mtime = epoch
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()
