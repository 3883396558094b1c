"""The bytes that were answered with last, so that the next polls need not have them from the database."""

from __future__ import annotations

import threading
from collections import OrderedDict

MEBIBYTE = 1 << 20


class KeptBytes:
    """Texts by name, of so many bytes in all; what was asked for longest ago gives way. Safe among threads.

    A name stands for the same bytes for ever: nothing is ever out of date.
    """

    def __init__(self, most_bytes: int = 32 * MEBIBYTE) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self.size = 0
        """How many bytes are kept."""

    def get(self, name: str) -> bytes | None:
        """What is kept under the name."""
        with self._lock:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
            return found

    def keep(self, name: str, body: bytes) -> None:
        """Keeps the bytes, unless they alone would be too many."""
        if len(body) > self._most_bytes:
            return
        with self._lock:
            self.size += len(body) - len(self._kept.pop(name, b""))
            self._kept[name] = body
            while self.size > self._most_bytes:
                _, gone = self._kept.popitem(last=False)
                self.size -= len(gone)
