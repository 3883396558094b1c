"""The transport to connected calendars: renders the copy of a meeting that a calendar gets, and stores it there."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.domain.programme.outbox import Attempt, Rejected, Target
from scheduler.domain.programme.people import Account
from scheduler.domain.programme.routing import Copy, route
from scheduler.ical.render import render_invite
from scheduler.services.ports import Context
from scheduler.services.secrets import UndecipherableSecret
from scheduler.store import Claim, DeliveryRow, StoredMeeting


class CalendarTransport:
    """A `Transport` for CalDAVCalendar targets, whose rows have a calendar object's UID as their key."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def send(self, claim: Claim, seconds: float) -> Attempt:
        """Store the meeting as it is now in the calendar, with the login that the calendar has now."""
        assert claim.meeting_id is not None  # rows for calendars are of meetings
        with self._context.store.read() as tx:
            stored = tx.meetings.get(claim.programme_id, claim.meeting_id)
            copy = find_copy(claim.target, stored, tx.outbox.list_for_meeting(claim.programme_id, claim.meeting_id))
            login = tx.calendars.find_login(claim.target.id)
        revision = stored.meeting.revision
        if copy is None or login is None:
            return Attempt(Rejected("the calendar is no longer connected"), revision)
        try:
            account = Account(login.url, login.username, self._context.vault.open(login.password_token))
        except UndecipherableSecret as error:
            return Attempt(Rejected(str(error)), revision)
        data = render_invite(stored.meeting, claim.key, copy)
        outcome = self._context.calendars.put(
            account,
            claim.key,
            data,
            stored_before=claim.delivered_revision is not None,
            deleted_sequence=claim.sequence,
            seconds=seconds,
        )
        return Attempt(outcome, revision)


def find_copy(target: Target, stored: StoredMeeting, deliveries: Sequence[DeliveryRow]) -> Copy | None:
    """Return the kind of copy that a target gets, given all deliveries of the meeting; None if it gets none."""
    return route(stored.mentor_id, stored.mentee_id, [row.calendar for row in deliveries]).get(target)
