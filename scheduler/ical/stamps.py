"""The mark that we leave in an object: which version of the meeting it shows, and what ours looked like.

It lies in the object itself, so that it is stored together with what it speaks of or not at all. From it follows,
without a copy of every object, what somebody else changed since; and a worker that was held up sees that
what it brings is old.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.ical.event_times import read_times
from scheduler.ical.lines import Block, Line, NotOneCalendar, read_block, write_block
from scheduler.ical.ownership import STAMP, digests

_FORM = re.compile(r"(\d{8}T\d{6}Z)/(\d{1,9})((?: [a-z]+=[0-9a-f]{8})*)")


@dataclass(frozen=True)
class Stamp:
    """``version`` orders the versions of a meeting: when it was changed, then its revision.

    The time comes first: a database restored from a backup counts some revisions again.
    """

    version: tuple[str, int]
    digests: Mapping[str, str]


def stamped(data: bytes, changed_at: datetime, revision: int) -> bytes:
    """The object with the mark of that version (``changed_at`` in UTC)."""
    calendar = read_block(data)
    parts = " ".join(f"{part}={digest}" for part, digest in digests(calendar, read_times(data)).items())
    line = Line.of(f"{STAMP}:{changed_at:%Y%m%dT%H%M%SZ}/{revision} {parts}")
    _marked_event(calendar).lines.append(line)
    return write_block(calendar)


def read_stamp(calendar: Block) -> Stamp | None:
    """The mark in an object; None if there is none, or not one of ours."""
    values = _marked_event(calendar).values(STAMP)
    found = _FORM.fullmatch(values[0].strip()) if values else None
    if found is None:
        return None
    parts = dict(part.split("=") for part in found[3].split())
    return Stamp((found[1], int(found[2])), parts)


def marked_uid(data: bytes) -> str | None:
    """The UID of an object that we once stored and that is not cancelled; None for anything else."""
    try:
        calendar = read_block(data)
        if not calendar.all("VEVENT") or read_stamp(calendar) is None:
            return None
        event = _marked_event(calendar)
        return None if event.values("STATUS")[:1] == ["CANCELLED"] else next(iter(event.values("UID")), None)
    except (NotOneCalendar, RecursionError):
        return None


def _marked_event(calendar: Block) -> Block:
    """The series itself, or the event that stands alone; the first one of overrides without their series."""
    events = calendar.all("VEVENT")
    return next((event for event in events if not event.values("RECURRENCE-ID")), events[0])
