"""The work of a search, estimated from its question alone before it begins: the same on every machine.

The unit is one attendee at one start. Everything that a search does is counted in it, by how long it takes compared
with checking and scoring one attendee at one start, which is some twenty nanoseconds.
"""

from __future__ import annotations

from scheduler.domain.time.units import DAY

QUICK = 400_000
"""The most work of a search that takes no place among the large ones: about ten milliseconds."""


def starts_within(minutes: int, step: int) -> int:
    """Return the most starts that a span of so many minutes has on a grid of ``step`` minutes from each midnight."""
    return -(-minutes * -(-DAY // step) // DAY) + 1
