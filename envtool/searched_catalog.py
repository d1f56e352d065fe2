"""A compiled catalog in which single texts are looked up, as its sorted table allows."""

from __future__ import annotations

import struct
from gettext import NullTranslations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import IO

_MAGIC = 0x950412DE


class SearchedTranslations(NullTranslations):
    """A catalog without plurals and contexts (GNU gettext manual, "The Format of GNU MO Files").

    Python's own class makes a dictionary of all texts at each start: thousands, of which a command says a dozen
    (decision 28).
    """

    def gettext(self, message: str) -> str:
        """The translation of a text, or the text itself where there is none."""
        wanted = message.encode()
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            found = self._read(self._originals, middle)
            if found == wanted:
                return self._read(self._translations, middle).decode()
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return message

    # The method that gettext's documentation has classes override for another way to read a file.
    def _parse(self, fp: IO[bytes]) -> None:  # type: ignore[override]
        self._data = fp.read()
        self._order = "<" if self._data[:4] == _MAGIC.to_bytes(4, "little") else ">"
        _magic, _revision, self._count, self._originals, self._translations = struct.unpack_from(
            f"{self._order}5I", self._data
        )

    def _read(self, table: int, index: int) -> bytes:
        length, place = struct.unpack_from(f"{self._order}2I", self._data, table + 8 * index)
        return self._data[place : place + length]
