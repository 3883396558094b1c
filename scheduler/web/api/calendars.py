"""Connected CalDAV calendars under /v1/people/{id}/calendars."""

from __future__ import annotations

from typing import Annotated

from flask import Response, url_for
from pydantic import Field, SecretStr

from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.people import Account, CalendarState
from scheduler.services import calendars
from scheduler.web.documents import examples
from scheduler.web.fields.document import Document, only
from scheduler.web.fields.texts import Flag, Id, Line, WebAddress
from scheduler.web.fields.times import Timestamp
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request
from scheduler.web.http.requests import answer, context, programme_id, read_body
from scheduler.web.http.resources import Resource

api = Resource("calendars", tag="calendars", reads=Scope.PEOPLE_READ, writes=Scope.PEOPLE_WRITE)


class NewCalendar(Document, json_schema_extra={"examples": [examples.NEW_CALENDAR]}):
    """A person's CalDAV calendar: read for busy time and, with ``publish``, written to."""

    url: WebAddress
    username: Line
    password: Annotated[SecretStr, Field(min_length=1, max_length=1000, description="stored encrypted, never returned")]
    publish: Flag = Field(True, description="put this person's meetings into the calendar")


class ConnectedCalendarDocument(Document):
    """A connected calendar."""

    shown_to_writers = only("id", "publish", "state", "read_at")

    id: Id
    url: str
    username: str
    publish: bool
    state: CalendarState = Field(
        description="connecting: its server has not answered yet, and is tried again; "
        "failed: it never connected, and is not tried again"
    )
    read_at: Timestamp | None = Field(description="when busy time was last read; null: not yet")
    failure: str | None = Field(description="why the last attempt to connect or read failed; null: it did not")


class ConnectedCalendarPage(PageDocument):
    """A person's connected calendars, the first connected first."""

    items: list[ConnectedCalendarDocument]


@api.operation(
    "POST /people/<person_id>/calendars",
    ConnectedCalendarDocument,
    status=201,
    later_status=202,
    body=NewCalendar,
    refuses=(409,),
    keeps_answer=False,
)
def create_calendar(person_id: str) -> Response:
    """Connect a calendar. A refusal repeats the server's reason.

    The request waits five seconds at most for the calendar's server. If it has not answered by then, or other requests
    are waiting for servers, the answer is 202 and the calendar is connecting: read it later to see what became of it.
    What never connects makes nobody unknown. A repeated request is refused with 409: a person's calendars have
    different addresses.
    """
    new = read_body(NewCalendar)
    account = Account(new.url, new.username, new.password.get_secret_value())
    calendar = calendars.connect_calendar(context(), programme_id(), person_id, account, publish=new.publish)
    location = url_for("v1.calendars.get_calendar", person_id=person_id, calendar_id=calendar.id)
    status = 201 if calendar.state is CalendarState.CONNECTED else 202
    return answer(ConnectedCalendarDocument.of(calendar), status, {"Location": location})


@api.operation("GET /people/<person_id>/calendars", ConnectedCalendarPage, query=PageQuery)
def list_calendars(person_id: str) -> Response:
    """List a person's connected calendars."""
    page = read_page_request()
    found = calendars.list_calendars(context(), programme_id(), person_id, page.after, page.fetch_limit)
    return answer_page(ConnectedCalendarPage, found, ConnectedCalendarDocument.of, page)


@api.operation("GET /people/<person_id>/calendars/<calendar_id>", ConnectedCalendarDocument)
def get_calendar(person_id: str, calendar_id: str) -> Response:
    """Read a connected calendar."""
    found = calendars.get_calendar(context(), programme_id(), person_id, calendar_id)
    return answer(ConnectedCalendarDocument.of(found))


@api.operation("DELETE /people/<person_id>/calendars/<calendar_id>", None, status=204)
def delete_calendar(person_id: str, calendar_id: str) -> Response:
    """Disconnect a calendar: its login is erased; published events stay in it."""
    calendars.delete_calendar(context(), programme_id(), person_id, calendar_id)
    return Response(status=204)
