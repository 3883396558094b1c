"""A programme with two people and their mentorship, made by the services."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.people import Account, ConnectedCalendar, Person
from scheduler.domain.search.planning import PlanStatus
from scheduler.domain.search.replanning import DEFAULT_TERMS, PlanTerms
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime
from scheduler.services.booking import (
    CadenceBooking,
    Details,
    ExpectedOccurrence,
    PlanChanged,
    book_cadence,
    book_slot,
)
from scheduler.services.calendars import connect_calendar
from scheduler.services.mentorships import create_mentorship
from scheduler.services.people import create_person
from scheduler.services.ports import Context
from scheduler.services.programmes import create_programme, find_key
from scheduler.store import DeliveryRow, StoredMeeting, new_id


class Programme:
    """A programme's context with a mentor in Berlin, a mentee in Kolkata, and shorthands of the use cases."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.api_key = create_programme(context, "Women in Science")
        key = find_key(context, self.api_key)
        assert key
        self.id = key.programme_id
        self.mentor = create_person(context, self.id, Person(new_id(), "Greta", "greta@example.org", "Europe/Berlin"))
        asha = Person(new_id(), "Asha", "asha@example.org", "Asia/Kolkata", working_hours=None)
        self.mentee = create_person(context, self.id, asha)
        dates = date(2026, 10, 5), date(2026, 11, 13)
        agreed = Mentorship(new_id(), self.mentor.id, self.mentee.id, ("First paper",), "", *dates)
        self.mentorship = create_mentorship(context, self.id, agreed)

    def connect(
        self, person: Person, password: str = "hunter2hunter2", server: str = "dav.example.org"
    ) -> ConnectedCalendar:
        """A calendar of the person's that was not connected before."""
        account = Account(f"https://{server}/{new_id()}/", person.name, password)
        return connect_calendar(self.context, self.id, person.id, account, publish=True)

    def book_slot(self, day: int = 8, title: str | None = None) -> StoredMeeting:
        """A meeting on that day of October, 10:00 in Berlin."""
        start = datetime(2026, 10, day, 8, tzinfo=UTC)
        return book_slot(self.context, self.id, self.mentorship.id, start, 45, Details(title))

    def book_tuesdays(self, terms: PlanTerms = DEFAULT_TERMS) -> StoredMeeting:
        """Six Tuesdays at 10:00 in Berlin, three before the end of summer time and three after, or as they move."""
        starts = [datetime(2026, 10, 6, 8, tzinfo=UTC) + timedelta(weeks=week) for week in range(3)]
        starts += [datetime(2026, 10, 27, 9, tzinfo=UTC) + timedelta(weeks=week) for week in range(3)]
        series = Series(LocalTime(datetime(2026, 10, 6, 10), "Europe/Berlin"), WeeklyRule(1, ("TU",), starts[-1]), 45)
        length = timedelta(minutes=45)
        expected = tuple(ExpectedOccurrence(Period(start, start + length), PlanStatus.CLEAR) for start in starts)
        try:
            return self._book(series, expected, terms)
        except PlanChanged as error:
            moved = tuple(ExpectedOccurrence(one.period, one.status, one.moved_to) for one in error.plan)
            return self._book(series, moved, terms)

    def _book(self, series: Series, expected: tuple[ExpectedOccurrence, ...], terms: PlanTerms) -> StoredMeeting:
        booking = CadenceBooking(series=series, expected=expected, details=Details(), terms=terms)
        return book_cadence(self.context, self.id, self.mentorship.id, booking)

    def meeting(self, meeting_id: str) -> StoredMeeting:
        with self.context.store.read() as tx:
            return tx.meetings.get(self.id, meeting_id)

    def deliveries(self, meeting_id: str) -> list[DeliveryRow]:
        with self.context.store.read() as tx:
            return tx.outbox.list_for_meeting(self.id, meeting_id)

    def delivery(self, meeting_id: str) -> DeliveryRow:
        """The meeting's only one."""
        (row,) = self.deliveries(meeting_id)
        return row

    def calendar(self, person: Person) -> ConnectedCalendar:
        """The person's only one."""
        with self.context.store.read() as tx:
            (calendar,) = tx.calendars.list_for_person(self.id, person.id)
        return calendar
