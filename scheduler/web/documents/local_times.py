"""Meetings as each attendee's wall clock shows them, in what JSON is written from.

There are as many texts as meetings and attendees, so that all of them are written at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.periods import Minutes, Period, minute_of


def attendee_rows(
    places: Sequence[int],
    attendees: Sequence[Attendee],
    periods: Sequence[Period],
    available: Sequence[tuple[bool | None, ...]],
) -> list[tuple[dict[str, object], ...]]:
    """For each period the `SlotAttendee` of those at the places, one at least.

    ``available`` has for each period a word for each of them.
    """
    if not periods:
        return []
    count = len(periods)
    instants = [period.start for period in periods] + [period.end for period in periods]
    minutes = np.array([minute_of(instant) for instant in instants], dtype=np.int64)
    texts = local_texts([attendees[index].clock for index in places], minutes)
    columns = [
        [
            {"index": index, "start": start, "end": end, "available": can_come}
            for start, end, can_come in zip(local[:count], local[count:], coming, strict=True)
        ]
        for index, local, coming in zip(places, texts, zip(*available, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))


def local_texts(clocks: Sequence[Clock], minutes: Minutes) -> list[list[str]]:
    """The UTC minutes, one at least and in any order, as each clock shows them: RFC 3339 with the offset."""
    first, last = int(minutes.min()), int(minutes.max())
    offsets = np.array([clock_offsets(clock, first, last + 1).at(minutes) for clock in clocks], dtype=np.int64)
    # orjson writes numpy's times four times as fast as numpy does.
    walls = orjson.loads(orjson.dumps((minutes + offsets).astype("datetime64[m]"), option=orjson.OPT_SERIALIZE_NUMPY))
    written = {offset: _offset_text(offset) for offset in set(offsets.ravel().tolist())}
    return [
        [wall + written[offset] for wall, offset in zip(*both, strict=True)]
        for both in zip(walls, offsets.tolist(), strict=True)
    ]


def _offset_text(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
