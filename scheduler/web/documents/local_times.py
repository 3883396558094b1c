"""Local times of meetings for each attendee.

An answer has one text for each meeting and attendee, so all of them are formatted at once with numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.periods import Minutes, Period, minute_of


def attendee_rows(
    indexes: Sequence[int],
    attendees: Sequence[Attendee],
    periods: Sequence[Period],
    available: Sequence[tuple[bool | None, ...]],
) -> list[tuple[dict[str, object], ...]]:
    """Return the `SlotAttendee` rows of each period, as dicts.

    Args:
        indexes: the attendees to list, at least one.
        attendees: all attendees of the query.
        periods: the meetings.
        available: for each period, whether each listed attendee can come; None if their calendar is unknown.

    """
    if not periods:
        return []
    count = len(periods)
    instants = [period.start for period in periods] + [period.end for period in periods]
    minutes = np.array([minute_of(instant) for instant in instants], dtype=np.int64)
    texts = local_texts([attendees[index].clock for index in indexes], minutes)
    columns = [
        [
            {"index": index, "start": start, "end": end, "available": can_come}
            for start, end, can_come in zip(local[:count], local[count:], coming, strict=True)
        ]
        for index, local, coming in zip(indexes, texts, zip(*available, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))


def local_texts(clocks: Sequence[Clock], minutes: Minutes) -> list[list[str]]:
    """Return for each clock the RFC 3339 local times of ``minutes`` (UTC minutes, at least one, in any order)."""
    first, last = int(minutes.min()), int(minutes.max())
    offsets = np.array([clock_offsets(clock, first, last + 1).at(minutes) for clock in clocks], dtype=np.int64)
    # orjson formats numpy datetimes four times as fast as numpy.
    walls = orjson.loads(orjson.dumps((minutes + offsets).astype("datetime64[m]"), option=orjson.OPT_SERIALIZE_NUMPY))
    suffixes = {offset: _offset_text(offset) for offset in set(offsets.ravel().tolist())}
    return [
        [wall + suffixes[offset] for wall, offset in zip(*both, strict=True)]
        for both in zip(walls, offsets.tolist(), strict=True)
    ]


def _offset_text(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
