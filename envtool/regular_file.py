"""Reads files that are somebody else's: regular ones only, up to a size, without waiting for anybody."""

from __future__ import annotations

import errno
import os
import re
import stat

from envtool.language import tell
from envtool.link_rights import require_allowed_way

# Bytes. No record, setting or history is larger; the largest RECORD that is met has some megabytes.
LIMIT = 64 << 20
_BLOCK = 1 << 16
_OWN_STREAM = re.compile(r"/dev/(?:stdin|stdout|stderr|fd/[0-9]+)")
_Path = str | os.PathLike[str]


def read_regular_file(path: _Path, limit: int = LIMIT) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises `OSError`: as `open_regular_file` does, and where the file is larger.
    """
    handle = open_regular_file(path)
    try:
        size = os.fstat(handle).st_size
        if size > limit:
            raise _make_error(errno.EFBIG, tell("it is larger than {size}", size=_format_size(limit)), path)
        blocks, length = [], 0
        # One byte more than there is shows the end without a further call; and a file may grow.
        while block := os.read(handle, max(size + 1 - length, _BLOCK)):
            blocks.append(block)
            length += len(block)
            if length > limit:
                raise _make_error(errno.EFBIG, tell("it is larger than {size}", size=_format_size(limit)), path)
            if length == size:
                break
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)
    finally:
        os.close(handle)


def read_regular_text(path: _Path, limit: int = LIMIT) -> str:
    """The same as text in UTF-8, with replacement characters for what is none."""
    return read_regular_file(path, limit).decode("utf-8", "replace")


def open_regular_file(path: _Path) -> int:
    """Open a file for reading. Raises `OSError`: as opening does, and for a folder, a pipe, a device or a socket.

    A pipe in the place of a file would keep its reader waiting for ever, and a device may act when it is opened. Links
    are followed, by root only to what those who made them may read.
    """
    _require_regular(os.stat(path), path)  # noqa: PTH116  # hundreds of times
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        # Another file may have come in its place meanwhile.
        _require_regular(os.fstat(handle), path)
        require_allowed_way(handle, path)
    except OSError:
        os.close(handle)
        raise
    return handle


def is_own_stream(path: _Path) -> bool:
    """Whether a path is one of this process's own streams, as the shell names them: `<(command)`, `/dev/stdout`."""
    return _OWN_STREAM.fullmatch(os.fspath(path)) is not None


def _require_regular(found: os.stat_result, path: _Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise _make_error(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        raise _make_error(errno.EINVAL, tell("it is no regular file"), path)


def _make_error(number: int, text: str, path: _Path) -> OSError:
    return OSError(number, text, os.fspath(path))


def _format_size(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else tell("{size} bytes", size=size)
