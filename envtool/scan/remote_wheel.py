"""Which CUDA libraries the shared objects in a wheel ask for, read by range requests where the server knows them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from envtool.doctor.checks.cuda_direct import content_can_need_cuda, is_cuda_library
from envtool.environment.elf import SharedObjectError, read_needed_libraries
from envtool.net.bounds import run_with_deadline
from envtool.net.http import get
from envtool.temporary_folder import temporary_folder
from envtool.wheel.zip_member import read_zip_member

if TYPE_CHECKING:
    import requests

TIMEOUT = 20.0
# Bytes, inflated, of one shared object and of all of a wheel.
_LARGEST, _ALTOGETHER = 64 << 20, 256 << 20
_SHARED_OBJECT = re.compile(r"\.so(?:\.[\d.]+)?$")
_CUDA_NAME = re.compile(r"cuda|cudnn|cublas|tensorrt|nccl")
# What auditwheel adds to the name of a library that it puts into a wheel.
_HASH = re.compile(r"-[0-9a-f]{8}(?=\.)")


def find_wheel_links(address: str, session: requests.Session) -> dict[str, tuple[str, ...]]:
    """The shared objects in the wheel at an address that ask for CUDA's libraries, or are such, and which those are.

    Raises `requests.RequestException`, `OSError`, `ValueError` or `zipfile.BadZipFile` where it cannot be read.
    """
    # Whoever reads ranges reads what comes by itself.
    return run_with_deadline(lambda: _find_links(address, session), what=address)


def _find_links(address: str, session: requests.Session) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    left = _ALTOGETHER
    with _open_wheel(address, session) as archive, temporary_folder() as folder:
        for item in archive.infolist():
            if not _SHARED_OBJECT.search(item.filename):
                continue
            own = _HASH.sub("", PurePosixPath(item.filename).name)
            if is_cuda_library(own):
                found[item.filename] = (own,)
                continue
            if item.file_size > min(_LARGEST, left):
                # What is too large to be read has to be taken by its name.
                if _CUDA_NAME.search(own):
                    found[item.filename] = (own,)
                continue
            left -= item.file_size
            data = read_zip_member(archive, item, _LARGEST)
            if not content_can_need_cuda(data):
                continue
            path = folder / "member.so"
            path.write_bytes(data)
            try:
                names = tuple(name for name in read_needed_libraries(path) if is_cuda_library(_HASH.sub("", name)))
            except SharedObjectError:
                continue
            if names:
                found[item.filename] = names
    return found


@contextmanager
def _open_wheel(address: str, session: requests.Session) -> Iterator[Any]:
    from remotezip import RemoteZip, RemoteZipError

    try:
        archive: Any = RemoteZip(address, session=session, timeout=TIMEOUT)
    except RemoteZipError:
        # A server without ranges; the answer is bounded.
        answer = get(session, address, timeout=TIMEOUT)
        answer.raise_for_status()
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
    with archive:
        yield archive
