"""A programme whose mentor has a calendar on a real server, and the mentor's own calendar app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from xml.etree import ElementTree

import icalendar
import recurring_ical_events
from support.api import Clock
from support.programme import Programme
from support.radicale import ask, object_url
from support.working import deliver_next

from scheduler.domain.programme.people import Account, Person
from scheduler.domain.time.periods import Period
from scheduler.services.calendars import connect_calendar
from scheduler.store import DeliveryRow, StoredMeeting

CALENDAR_TYPE = {"Content-Type": "text/calendar; charset=utf-8"}


class Server(Protocol):
    """A CalDAV server as a process, its address the same from start to start."""

    port: int
    url: str

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def new_account(self, password: str = ...) -> Account: ...


@dataclass
class App:
    """Somebody's calendar app, which knows nothing of us."""

    account: Account

    def names(self) -> list[str]:
        """The names of all objects in the calendar."""
        body = b'<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
        headers = {"Depth": "1", "Content-Type": "application/xml"}
        answer = ask(self.account, "PROPFIND", self.account.url, body, headers)
        hrefs = [str(row.text) for row in ElementTree.fromstring(answer.content).iterfind("{DAV:}response/{DAV:}href")]
        return sorted(href.rsplit("/", 1)[1] for href in hrefs if not href.endswith("/"))

    def objects(self) -> list[bytes]:
        return [ask(self.account, "GET", self.account.url + name).content for name in self.names()]

    def shown(self) -> list[Period]:
        """When the calendar says that there are meetings."""
        found = [
            event
            for data in self.objects()
            for event in recurring_ical_events.of(icalendar.Calendar.from_ical(data)).between((2026,), (2028,))
            if str(event.get("STATUS", "CONFIRMED")) != "CANCELLED"
        ]
        return sorted(Period(event["DTSTART"].dt.astimezone(UTC), event["DTEND"].dt.astimezone(UTC)) for event in found)

    def text(self, uid: str) -> str:
        """The object at our address, unfolded."""
        answer = ask(self.account, "GET", object_url(self.account, uid))
        assert answer.status_code == 200
        return answer.content.decode().replace("\r\n", "\n").replace("\n ", "")

    def etag(self, uid: str) -> str:
        return ask(self.account, "GET", object_url(self.account, uid)).headers["ETag"]

    def events(self, uid: str) -> list[Any]:
        """The series first, then its overrides in the order of their dates."""
        events = icalendar.Calendar.from_ical(self.text(uid).encode()).walk("VEVENT")
        return sorted(events, key=lambda event: str(event["RECURRENCE-ID"].dt) if "RECURRENCE-ID" in event else "")

    def edit(self, uid: str, change: Callable[[list[Any]], object]) -> None:
        """Changes the events of an object, and stores it as an app does."""
        calendar = icalendar.Calendar.from_ical(self.text(uid).encode())
        change(calendar.walk("VEVENT"))
        condition = CALENDAR_TYPE | {"If-Match": self.etag(uid)}
        answer = ask(self.account, "PUT", object_url(self.account, uid), calendar.to_ical(), condition)
        assert answer.status_code in (200, 201, 204), answer.text

    def put(self, uid: str, data: bytes) -> None:
        answer = ask(self.account, "PUT", object_url(self.account, uid), data, CALENDAR_TYPE)
        assert answer.status_code in (200, 201, 204), answer.text

    def delete(self, uid: str) -> None:
        assert ask(self.account, "DELETE", object_url(self.account, uid)).status_code in (200, 204)


@dataclass
class Delivering:
    """The programme, its worker, and the mentor's calendar with the app that shows it."""

    programme: Programme
    clock: Clock
    server: Server
    account: Account
    meeting_id: str = ""
    app: App = field(init=False)

    def __post_init__(self) -> None:
        self.app = App(self.account)

    def connect(self, person: Person, account: Account) -> None:
        connect_calendar(self.programme.context, self.programme.id, person.id, account, publish=True)

    def book(self) -> str:
        """Six Tuesdays, delivered; their UID."""
        self.connect(self.programme.mentor, self.account)
        self.meeting_id = self.programme.book_tuesdays().id
        assert self.deliver().state == "delivered"
        return self.meeting.meeting.uid

    @property
    def meeting(self) -> StoredMeeting:
        return self.programme.meeting(self.meeting_id)

    @property
    def row(self) -> DeliveryRow:
        """The delivery of the series itself."""
        uid = self.meeting.meeting.uid
        return next(row for row in self.programme.deliveries(self.meeting_id) if row.uid == uid)

    def deliver(self) -> DeliveryRow:
        """Make every delivery that is due, and return that of the series."""
        while deliver_next(self.programme.context):
            pass
        return self.row

    def wait_and_deliver(self) -> DeliveryRow:
        """The same at the next time that a delivery is due."""
        due = [row.due_at for row in self.programme.deliveries(self.meeting_id) if row.due_at]
        self.clock.now = max([self.clock.now, *due])
        return self.deliver()

    def through(self, url: str) -> Delivering:
        """The same calendar by way of another address."""
        return replace(self, account=replace(self.account, url=self.account.url.replace(self.server.url, url)))


def tuesday(number: int) -> datetime:
    """The wall start of one of the six, from 0."""
    return [
        datetime(2026, month, day, 10) for month, day in ((10, 6), (10, 13), (10, 20), (10, 27), (11, 3), (11, 10))
    ][number]
