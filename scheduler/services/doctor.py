"""Compares what is stored with what feeds and calendars show, and says what differs; changes nothing.

It may run beside the service: what changes while it is looked at is no finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scheduler.domain.programme.outbox import CalDAVCalendar, DeliveryState
from scheduler.domain.programme.people import Account
from scheduler.domain.programme.routing import ORGANIZERS
from scheduler.errors import InvalidValue, NotFound
from scheduler.ical.render import render_invite
from scheduler.ical.stamps import stamped_uid
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.services.calendar_transport import find_copy
from scheduler.services.calendars import LOOK_AHEAD
from scheduler.services.feeds import is_rendered, render_page
from scheduler.services.findings import (
    Finding,
    of_deliveries,
    of_feed,
    of_lost_password,
    of_meeting,
    of_nonsense,
    of_object,
    of_stranger,
    of_unknown,
)
from scheduler.services.ports import Context
from scheduler.services.programmes import find_programme
from scheduler.services.secrets import UndecipherableSecret
from scheduler.store import DeliveryRow, FeedPage, Login, SchemaMismatch, StoredMeeting, StoreUnavailable

Progress = Callable[[str], object]
"""Told what is looked at, for whoever waits."""


RECOVER = "restore a backup, or stop the service and recover the file with sqlite3"


@dataclass
class Looked:
    """How much was looked at."""

    meetings: int = 0
    feeds: int = 0
    calendars: int = 0
    events: int = 0


def examine(
    context: Context, looked: Looked, given: str | None = None, *, offline: bool = False, progress: Progress = str
) -> Iterator[Finding]:
    """Whatever differs, in every programme or in the one of that id or name; ``offline``: no calendar is asked.

    Raises NotFound and SeveralFit for the programme, StoreUnavailable.
    """
    try:
        context.store.check_schema()
    except SchemaMismatch as error:
        yield Finding("database", error.problem, error.remedy)
        return
    progress("the database itself")
    damages = context.store.find_damage()
    for damage in damages:
        yield Finding("database", damage, RECOVER)
    try:
        for programme_id in _programmes(context, given):
            yield from _Examination(context, looked, programme_id, progress).run(offline=offline)
    except StoreUnavailable as error:
        if not damages:
            raise
        yield Finding("database", f"no more of it can be read ({error.reason})", RECOVER)


def _programmes(context: Context, given: str | None) -> list[str]:
    if given is not None:
        return [find_programme(context, given).id]
    with context.store.read() as tx:
        return [programme.id for programme in tx.programmes.list_all()]


class _Examination:
    """Of one programme."""

    def __init__(self, context: Context, looked: Looked, programme_id: str, progress: Progress) -> None:
        self._context = context
        self._looked = looked
        self._programme_id = programme_id
        self._progress = progress
        with context.store.read() as tx:
            self._logins = tx.calendars.list_logins(programme_id)
        self._delivered: dict[str, list[tuple[str, DeliveryRow]]] = {login.calendar_id: [] for login in self._logins}
        """By calendar, the meetings' ids with what counts as delivered there."""

    def run(self, *, offline: bool) -> Iterator[Finding]:
        yield from self._meetings()
        yield from self._feeds()
        accounts: list[tuple[Login, Account]] = []
        for login in self._logins:
            try:
                password = self._context.vault.open(login.password_token)
            except UndecipherableSecret:
                yield of_lost_password(login)
            else:
                accounts.append((login, Account(login.url, login.username, password)))
        for place, (login, account) in enumerate(accounts if not offline else [], 1):
            self._progress(f"calendar {place} of {len(accounts)}")
            if login.publish:
                yield from self._calendar(login, account)

    def _meetings(self) -> Iterator[Finding]:
        with self._context.store.read() as tx:
            mentorships = [mentorship.id for mentorship in tx.mentorships.list_all(self._programme_id)]
        for place, mentorship_id in enumerate(mentorships, 1):
            self._progress(f"mentorship {place} of {len(mentorships)}")
            try:
                yield from self._mentorship(mentorship_id)
            except InvalidValue as error:
                yield of_nonsense(f"mentorship {mentorship_id}", str(error))

    def _mentorship(self, mentorship_id: str) -> Iterator[Finding]:
        now = self._context.clock()
        with self._context.store.read() as tx:
            every = tx.meetings.list_for_mentorship(self._programme_id, mentorship_id)
            owed = {stored.id: tx.outbox.list_for_meeting(self._programme_id, stored.id) for stored in every}
            logins = [login for login in tx.calendars.list_logins(self._programme_id) if login in self._logins]
        for stored in every:
            self._looked.meetings += 1
            yield from of_meeting(stored, now)
            yield from of_deliveries(stored, owed[stored.id], logins, now)
            for row in owed[stored.id]:
                if row.state is DeliveryState.DELIVERED:
                    self._delivered.setdefault(row.calendar_id, []).append((stored.id, row))

    def _feeds(self) -> Iterator[Finding]:
        with self._context.store.read() as tx:
            people = [person.id for person in tx.people.list_all(self._programme_id)]
        for place, person_id in enumerate(people, 1):
            self._progress(f"the feeds of person {place} of {len(people)}")
            for page in self._pages(person_id):
                self._looked.feeds += 1
                if not is_rendered(page):
                    continue
                try:
                    found = list(of_feed(page, render_page(self._context, page)))
                except InvalidValue:  # the mentorship that it comes of was named
                    continue
                if found and page in self._pages(person_id):
                    yield from found

    def _pages(self, person_id: str) -> list[FeedPage]:
        """None for who was erased meanwhile."""
        with self._context.store.read() as tx:
            try:
                return tx.feeds.list_pages(self._programme_id, person_id)
            except NotFound:
                return []

    def _calendar(self, login: Login, account: Account) -> Iterator[Finding]:
        """Stops at the first sign that the calendar can't be looked into."""
        self._looked.calendars += 1
        try:
            self._context.calendars.check(account)
            for meeting_id, row in self._delivered[login.calendar_id]:
                self._looked.events += 1
                yield from self._object(login, account, meeting_id, row)
            yield from self._strangers(login, account)
        except (CalendarRefused, CalendarUnreachable, AddressRefused) as error:
            yield of_unknown(login, str(error))

    def _strangers(self, login: Login, account: Account) -> Iterator[Finding]:
        """Events of ours that a restored backup knows nothing of."""
        today = self._context.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        objects = self._context.calendars.read_objects(account, today, today + LOOK_AHEAD)
        uids = sorted({uid for uid in map(stamped_uid, objects) if uid is not None})
        with self._context.store.read() as tx:
            known = tx.outbox.known_uids(uids)
        yield from (of_stranger(login, uid) for uid in uids if uid not in known)

    def _object(self, login: Login, account: Account, meeting_id: str, row: DeliveryRow) -> Iterator[Finding]:
        before = self._owed(meeting_id)
        if before is None or row not in before[1]:
            return
        stored, rows = before
        copy = find_copy(CalDAVCalendar(row.calendar_id), stored, rows) or ORGANIZERS
        held = self._context.calendars.read_object(account, row.uid)
        is_invitation = login.auto_schedule and not copy.is_organizers
        meant = render_invite(stored.meeting, row.uid, copy)
        found = list(of_object(stored, row, meant, held, is_invitation=is_invitation))
        if found and self._owed(meeting_id) == before:
            yield from found

    def _owed(self, meeting_id: str) -> tuple[StoredMeeting, Sequence[DeliveryRow]] | None:
        """The meeting with its deliveries as they are now."""
        with self._context.store.read() as tx:
            try:
                stored = tx.meetings.get(self._programme_id, meeting_id)
            except NotFound:
                return None
            return stored, tx.outbox.list_for_meeting(self._programme_id, meeting_id)
