"""The stamp in an object: which version of the meeting it shows, and digests of the properties we wrote.

The stamp is part of the object, so both are stored or neither. It shows, without a copy of every object, what
somebody else has changed since, and it tells a delayed worker that its version is old.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.ical.event_times import read_times
from scheduler.ical.lines import Block, Line, NotOneCalendar, read_block, write_block
from scheduler.ical.ownership import STAMP, TIMES, digests

_FORM = re.compile(r"(\d{8}T\d{6}Z)/(\d{1,9})((?: [a-z]+=[0-9a-f]{8})*)")


@dataclass(frozen=True)
class Stamp:
    """The version of a meeting (time of change, revision), and a digest of each part.

    The time comes first because a database restored from a backup uses some revisions again.
    """

    version: tuple[str, int]
    digests: Mapping[str, str]


def add_stamp(data: bytes, changed_at: datetime, revision: int) -> bytes:
    """Return the object with the stamp of that version (``changed_at`` in UTC)."""
    calendar = read_block(data)
    times = read_times(write_block(_times_of(calendar)))
    parts = " ".join(f"{part}={digest}" for part, digest in digests(calendar, times).items())
    line = Line.parse(f"{STAMP}:{changed_at:%Y%m%dT%H%M%SZ}/{revision} {parts}")
    _stamped_event(calendar).lines.append(line)
    return write_block(calendar)


def _times_of(calendar: Block) -> Block:
    """Return an object of ours with the times of its events alone; all its zones are known by their names."""
    events = [[line for line in event.lines if line.name in TIMES] for event in calendar.children("VEVENT")]
    return Block(calendar.name, blocks=[Block("VEVENT", lines) for lines in events])


def read_stamp(calendar: Block) -> Stamp | None:
    """Return the stamp of an object, or None if there is no valid one."""
    values = _stamped_event(calendar).values(STAMP)
    found = _FORM.fullmatch(values[0].strip()) if values else None
    if found is None:
        return None
    parts = dict(part.split("=") for part in found[3].split())
    return Stamp((found[1], int(found[2])), parts)


def stamped_uid(data: bytes) -> str | None:
    """Return the UID of an object that carries a stamp and is not cancelled; None for anything else."""
    try:
        calendar = read_block(data)
        if not calendar.children("VEVENT") or read_stamp(calendar) is None:
            return None
        event = _stamped_event(calendar)
        return None if event.values("STATUS")[:1] == ["CANCELLED"] else next(iter(event.values("UID")), None)
    except (NotOneCalendar, RecursionError):
        return None


def _stamped_event(calendar: Block) -> Block:
    """Return the master or single event; the first override if the master is missing."""
    events = calendar.children("VEVENT")
    return next((event for event in events if not event.values("RECURRENCE-ID")), events[0])
