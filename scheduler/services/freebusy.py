"""Free-busy time of a stored person (RFC 5545 §3.2.9): periods by type, without titles."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from scheduler.domain.availability.attendees import Unknown
from scheduler.domain.availability.open_time import blackout_periods, closed_hours
from scheduler.domain.time.periods import Period, Periods, minute_after, minute_of
from scheduler.services.attendees import AttendeeSpec, load_attendees
from scheduler.services.ports import Context


class FbType(StrEnum):
    """The FBTYPE values other than FREE."""

    BUSY = "BUSY"
    UNAVAILABLE = "BUSY-UNAVAILABLE"
    TENTATIVE = "BUSY-TENTATIVE"


def get_free_busy(
    context: Context, programme_id: str, person_id: str, start: datetime, end: datetime
) -> tuple[dict[FbType, Periods], Unknown | None]:
    """The person's merged periods of each type within [start, end), and why they are unknown, if they are.

    Raises NotFound.
    """
    with context.store.read() as tx:
        tx.people.get(programme_id, person_id)
        (person,) = load_attendees(context, tx, programme_id, [AttendeeSpec(person_id, {})], Period(start, end))
    first, last = minute_of(start), minute_after(end)
    firm = [blackout for blackout in person.blackouts if blackout.firm]
    soft = [blackout for blackout in person.blackouts if not blackout.firm]
    closed = closed_hours(person.hours, person.clock, first, last)
    closed = Periods.merged(closed.starts, closed.ends)  # they touch where a week ends and where the clock changes
    return {
        FbType.BUSY: person.busy.within(first, last),
        FbType.UNAVAILABLE: Periods.union(closed, blackout_periods(firm, person.clock, first, last)),
        FbType.TENTATIVE: blackout_periods(soft, person.clock, first, last),
    }, person.unknown
