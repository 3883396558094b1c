"""The port `CalendarServer` over CalDAV (RFC 4791), by way of python-caldav and the guard."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from caldav.elements import cdav, dav

from scheduler.adapters.caldav_collection import CalendarObject, Collection, open_collection
from scheduler.adapters.conditional_put import put_object
from scheduler.adapters.guarded_http import Guard, GuardedSession, guarded_session
from scheduler.domain.programme.outbox import Outcome, Rejected, TooCostly, TryAgain
from scheduler.domain.programme.people import Account
from scheduler.ical.bounds import TooLarge
from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.reader import MOST_SECONDS, CalendarReader, Message, ReaderBusy, ReadingEnded
from scheduler.services.calendar_server import LONGEST_CALL, AddressRefused, CalendarRefused, CalendarUnreachable

RESOURCE_TYPE = dav.ResourceType.tag
COMPONENT_SET = cdav.SupportedCalendarComponentSet.tag
AUTO_SCHEDULE = "calendar-auto-schedule"


class CalDAVServer:
    """The calendar servers that accounts name. Keeps no state between calls, so any thread may call it."""

    def __init__(self, guard: Guard, reader: CalendarReader) -> None:
        self._guard = guard
        self._reader = reader

    def check(self, account: Account, seconds: float = LONGEST_CALL) -> bool:
        """Check that the account is a collection for events (RFC 4791 §4.2), as the port says."""
        with self._collection(account, seconds) as collection:
            properties = collection.properties(RESOURCE_TYPE, COMPONENT_SET)
            auto_schedule = AUTO_SCHEDULE in collection.features()
        kinds, components = properties.get(RESOURCE_TYPE), properties.get(COMPONENT_SET)
        if not isinstance(kinds, list) or cdav.Calendar.tag not in kinds:
            raise CalendarRefused("has no calendar at this address; give the URL of a calendar collection")
        if isinstance(components, list) and "VEVENT" not in components:
            raise CalendarRefused("keeps no events in this calendar; give one that is not for tasks or journals")
        return auto_schedule

    def put(
        self,
        account: Account,
        uid: str,
        data: bytes,
        *,
        stored_before: bool,
        deleted_sequence: int | None = None,
        seconds: float = LONGEST_CALL,
    ) -> Outcome:
        """Store ``data`` as the object with that UID, as the port says."""
        try:
            with self._collection(account, seconds) as collection:
                target = CalendarObject.at_own_url(collection, uid)
                return put_object(target, data, stored_before=stored_before, deleted_sequence=deleted_sequence)
        except (CalendarRefused, AddressRefused) as error:
            return Rejected(str(error))
        except ReadingEnded as error:
            return TooCostly(error.reason)
        except TooLarge as error:
            return Rejected(
                f"the meeting in the calendar is too large: {error.reason}; delete it there and retry this delivery"
            )
        except UnreadableCalendar:
            return Rejected("the meeting in the calendar can't be read; delete it there and retry this delivery")
        except ReaderBusy as error:
            return TryAgain(str(error))
        except CalendarUnreachable as error:
            return TryAgain(str(error), error.retry_after, of_server=error.of_server)

    def read_objects(
        self, account: Account, start: datetime, end: datetime, seconds: float = LONGEST_CALL
    ) -> list[bytes]:
        """Return the objects with events that touch [start, end) (UTC), recurring ones whole, as the port says."""
        with self._collection(account, seconds) as collection:
            return collection.read_objects(start, end)

    def read_object(self, account: Account, uid: str, seconds: float = LONGEST_CALL) -> bytes | None:
        """Return the object with that UID, whatever its URL, as the port says."""
        with self._collection(account, seconds) as collection:
            _, held = CalendarObject.at_own_url(collection, uid).read_anywhere()
            return None if held is None else held.data

    @contextmanager
    def _collection(self, account: Account, seconds: float) -> Iterator[Collection]:
        """Open the account's collection for a call that takes so long at most, and close its connections afterwards."""
        self._guard.check_url(account.url)
        with guarded_session(self._guard, seconds) as session:
            yield open_collection(account, session, _AttemptReader(self._reader, session))


class _AttemptReader(CalendarReader):
    """The reader of one attempt: all its questions share MOST_SECONDS, and none of that counts as the server's time."""

    def __init__(self, reader: CalendarReader, session: GuardedSession) -> None:
        self._reader = reader
        self._session = session
        self._left = MOST_SECONDS

    def ask(self, question: str, message: Message, seconds: float = MOST_SECONDS) -> Message:
        """Return the reader's answer within the time that is left. Raises UnreadableCalendar, ReaderBusy."""
        began = time.monotonic()
        try:
            return self._reader.ask(question, message, min(seconds, self._left))
        finally:
            took = time.monotonic() - began
            self._left -= took
            self._session.postpone_deadline(took)
