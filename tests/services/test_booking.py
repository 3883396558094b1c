"""Bookings refused: what a viewer may see of the reasons."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from support.programme import Programme

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.programme.api_keys import Viewer
from scheduler.services.blackouts import BlackoutFields, create_blackout
from scheduler.services.booking import Details, SlotTaken, book_slot
from scheduler.services.meetings import move_occurrence

THURSDAY = date(2026, 10, 8)
START = datetime(2026, 10, 8, 8, tzinfo=UTC)


@pytest.mark.parametrize(("viewers", "title"), [([], None), ([Viewer()], None), ([Viewer(sees_people=True)], "Finals")])
def test_refused_slot_has_the_blackouts_title_only_for_viewer_of_people(
    programme: Programme, viewers: list[Viewer], title: str | None
) -> None:
    fields = BlackoutFields(BlackoutKind.EXAM, "Finals", first_day=THURSDAY, last_day=THURSDAY)
    blackout, _ = create_blackout(programme.context, programme.id, programme.mentee.id, fields)
    series = programme.book_tuesdays()
    first = series.meeting.occurrences[0].recurrence_id.wall
    with pytest.raises(SlotTaken) as booking:
        book_slot(programme.context, programme.id, programme.mentorship.id, START, 45, Details(), *viewers)
    with pytest.raises(SlotTaken) as move:
        move_occurrence(programme.context, programme.id, series.id, first, START, *viewers)
    for refused in (booking.value, move.value):
        assert [(row.title, row.blackout) for row in refused.blocked_by] == [(title, blackout.id)]
