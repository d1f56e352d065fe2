"""The pieces of a tar archive that is written from its beginning to its end.

`tarfile` makes the headers; its writer would copy and keep each of them, and give half of an environment's paths, which
are long, a second one.

Format: POSIX.1-2001, "pax Interchange Format" and "ustar Interchange Format".
"""

from __future__ import annotations

import tarfile

END = bytes(2 * tarfile.BLOCKSIZE)


def header(member: tarfile.TarInfo) -> bytes:
    """What comes before a member's data: in the older form, where that has room for its names."""
    if member.name.isascii() and member.linkname.isascii():
        try:
            return member.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
        except ValueError:
            pass
    return member.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> bytes:
    """What comes after data of that many bytes."""
    return bytes(-size % tarfile.BLOCKSIZE)
