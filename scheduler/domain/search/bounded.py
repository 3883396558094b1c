"""Values kept in memory up to so many bytes: those that were not asked for longest go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

ENTRY_BYTES = 512
"""What an entry takes besides its value: its key and its place, rounded up."""


class BoundedCache(Generic[_K, _V]):
    """Safe among threads. Values are shared with whoever asks, so none may ever be changed."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[_K, tuple[_V, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0
        """What is taken now."""

    def get(self, key: _K) -> _V | None:
        """The value, if it is still there."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def put(self, key: _K, value: _V, size: int) -> None:
        """Keeps a value of that many bytes in place of the one before."""
        taken = size + ENTRY_BYTES
        with self._lock:
            self._forget(key)
            self._kept[key] = value, taken
            self.bytes += taken
            while self.bytes > self._most:
                self._forget(next(iter(self._kept)))

    def forget(self, key: _K) -> None:
        """Keeps the value no longer, if it was kept."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: _K) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.bytes -= kept[1]
