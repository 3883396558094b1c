"""Compares the database with feeds and calendars, and reports what differs; changes nothing.

It may run beside the service: what changes during the comparison is not reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from scheduler.domain.programme.outbox import CalDAVCalendar, DeliveryState
from scheduler.domain.programme.people import Account
from scheduler.domain.programme.routing import ORGANIZERS
from scheduler.errors import InvalidValue, NotFound
from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.reader import ReaderBusy
from scheduler.ical.render import render_invite
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.services.calendar_transport import find_copy
from scheduler.services.feeds import is_rendered, render_page
from scheduler.services.findings import Finding, check_deliveries, check_feed, check_meeting, check_object
from scheduler.services.ports import Context
from scheduler.services.programmes import find_programme
from scheduler.services.reading import LOOK_AHEAD
from scheduler.services.reasons import redact_reason
from scheduler.services.secrets import UndecipherableSecret
from scheduler.store import DeliveryRow, FeedPage, Login, SchemaMismatch, StoredMeeting, StoreUnavailable

Progress = Callable[[str], object]
"""Called with a description of each step."""

RECOVER = "restore a backup, or stop the service and recover the file with sqlite3"
ADD_OLD_KEY = "add the key that it was stored under to SCHEDULER_OLD_SECRET_KEYS, or connect the calendar again"


@dataclass
class Examined:
    """How many things of each kind were examined so far."""

    meetings: int = 0
    feeds: int = 0
    calendars: int = 0
    events: int = 0


def examine(
    context: Context, examined: Examined, given: str | None = None, *, offline: bool = False, progress: Progress = str
) -> Iterator[Finding]:
    """Yield what differs in every programme, or in the one with the given id or name, and count in ``examined``.

    ``offline``: no calendar server is contacted. Raises NotFound and SeveralFit for the programme, StoreUnavailable.
    """
    try:
        context.store.check_schema()
    except SchemaMismatch as error:
        yield Finding("database", error.problem, error.remedy)
        return
    progress("the database itself")
    damage = context.store.find_damage()
    for problem in damage:
        yield Finding("database", problem, RECOVER)
    try:
        for programme_id in _programmes(context, given):
            yield from _Examination(context, examined, programme_id, progress).run(offline=offline)
    except StoreUnavailable as error:
        if not damage:
            raise
        yield Finding("database", f"no more of it can be read ({error.reason})", RECOVER)


def _programmes(context: Context, given: str | None) -> list[str]:
    if given is not None:
        return [find_programme(context, given)]
    with context.store.read() as tx:
        return [programme.id for programme in tx.programmes.list_all()]


class _Examination:
    """The examination of one programme."""

    def __init__(self, context: Context, examined: Examined, programme_id: str, progress: Progress) -> None:
        self._context = context
        self._examined = examined
        self._programme_id = programme_id
        self._progress = progress
        with context.store.read() as tx:
            self._logins = tx.calendars.list_logins(programme_id)
        self._delivered: dict[str, list[tuple[str, DeliveryRow]]] = {login.calendar_id: [] for login in self._logins}
        """By calendar id: the delivered objects there, each with its meeting's id."""

    def run(self, *, offline: bool) -> Iterator[Finding]:
        yield from self._meetings()
        yield from self._feeds()
        for number, login in enumerate(self._logins, 1):
            try:
                account = Account(login.url, login.username, self._context.vault.open(login.password_token))
            except UndecipherableSecret:
                yield Finding(_calendar(login), "its password can't be decrypted", ADD_OLD_KEY)
                continue
            if login.publish and not offline:
                self._progress(f"calendar {number} of {len(self._logins)}")
                yield from self._compare_calendar(login, account)

    def _meetings(self) -> Iterator[Finding]:
        with self._context.store.read() as tx:
            mentorships = [mentorship.id for mentorship in tx.mentorships.list_all(self._programme_id)]
        for number, mentorship_id in enumerate(mentorships, 1):
            self._progress(f"mentorship {number} of {len(mentorships)}")
            try:
                yield from self._mentorship(mentorship_id)
            except InvalidValue as error:
                problem = f"what is stored of it can't be read ({error})"
                yield Finding(f"mentorship {mentorship_id}", problem, "restore a backup without this error")

    def _mentorship(self, mentorship_id: str) -> Iterator[Finding]:
        now = self._context.clock()
        with self._context.store.read() as tx:
            every = tx.meetings.list_for_mentorship(self._programme_id, mentorship_id)
            deliveries = {stored.id: tx.outbox.list_for_meeting(self._programme_id, stored.id) for stored in every}
            logins = [login for login in tx.calendars.list_logins(self._programme_id) if login in self._logins]
        for stored in every:
            self._examined.meetings += 1
            if found := check_meeting(stored, now):
                yield found
            yield from check_deliveries(stored, deliveries[stored.id], logins, now)
            for row in deliveries[stored.id]:
                if row.state is DeliveryState.DELIVERED:
                    self._delivered.setdefault(row.calendar.id, []).append((stored.id, row))

    def _feeds(self) -> Iterator[Finding]:
        with self._context.store.read() as tx:
            people = [person.id for person in tx.people.list_all(self._programme_id)]
        for number, person_id in enumerate(people, 1):
            self._progress(f"the feeds of person {number} of {len(people)}")
            for page in self._pages(person_id):
                self._examined.feeds += 1
                if not is_rendered(page):
                    continue
                try:
                    found = check_feed(page, render_page(self._context, page))
                except InvalidValue:  # reported with its mentorship
                    continue
                if found and page in self._pages(person_id):
                    yield found

    def _pages(self, person_id: str) -> list[FeedPage]:
        """Return the person's feeds; none if the person was erased meanwhile."""
        with suppress(NotFound), self._context.store.read() as tx:
            return tx.feeds.list_pages(self._programme_id, person_id)
        return []

    def _compare_calendar(self, login: Login, account: Account) -> Iterator[Finding]:
        """Compare the delivered objects, and stop at the first failure of the server."""
        self._examined.calendars += 1
        try:
            self._context.calendars.check(account)
            for meeting_id, row in self._delivered[login.calendar_id]:
                self._examined.events += 1
                yield from self._object(login, account, meeting_id, row)
            yield from self._orphans(login, account)
        except (CalendarRefused, CalendarUnreachable, AddressRefused, UnreadableCalendar, ReaderBusy) as error:
            problem = f"it can't be read, so what it holds is unknown ({redact_reason(str(error))})"
            yield Finding(_calendar(login), problem, "ask its owner, and connect it again if its login changed")

    def _orphans(self, login: Login, account: Account) -> Iterator[Finding]:
        """Yield events with our stamp that no meeting has, as after restoring an old backup."""
        today = self._context.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        objects = self._context.calendars.read_objects(account, today, today + LOOK_AHEAD)
        uids = self._context.reader.stamped_uids(objects)
        with self._context.store.read() as tx:
            known = tx.outbox.find_known_uids(uids)
        for uid in uids:
            if uid not in known:
                problem = f"its event {uid} was written by this service, which has no meeting for it"
                remedy = "delete it there, or book it again if it is to take place"
                yield Finding(_calendar(login), problem, remedy)

    def _object(self, login: Login, account: Account, meeting_id: str, row: DeliveryRow) -> Iterator[Finding]:
        before = self._load(meeting_id)
        if before is None or row not in before[1]:
            return
        stored, rows = before
        copy = find_copy(CalDAVCalendar(row.calendar.id), stored, rows) or ORGANIZERS
        held = self._context.calendars.read_object(account, row.uid)
        is_invitation = login.auto_schedule and not copy.is_organizers
        meant = render_invite(stored.meeting, row.uid, copy)
        found = check_object(self._context.reader, stored, row, meant, held, is_invitation=is_invitation)
        if found and self._load(meeting_id) == before:
            yield found

    def _load(self, meeting_id: str) -> tuple[StoredMeeting, Sequence[DeliveryRow]] | None:
        """Return the meeting and its deliveries as they are now; None if it is gone."""
        with suppress(NotFound), self._context.store.read() as tx:
            stored = tx.meetings.get(self._programme_id, meeting_id)
            return stored, tx.outbox.list_for_meeting(self._programme_id, meeting_id)
        return None


def _calendar(login: Login) -> str:
    return f"calendar {login.calendar_id}"
