"""Deliveries of a meeting to connected calendars: /v1/meetings/{id}/deliveries."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.outbox import DeliveryState
from scheduler.services import delivering
from scheduler.store import DeliveryRow
from scheduler.web.fields.document import Document, only
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import Timestamp
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request, select_page
from scheduler.web.http.requests import answer, context, programme_id
from scheduler.web.http.resources import Resource

api = Resource("deliveries", tag="meetings", reads=Scope.MEETINGS_READ, writes=Scope.MEETINGS_WRITE)


class DeliveryDocument(Document):
    """The progress of a meeting's delivery to one connected calendar."""

    shown_to_writers = only(
        "id",
        "calendar",
        "person",
        "uid",
        "state",
        "attempts",
        "wanted_revision",
        "delivered_revision",
        "due_at",
        "delivered_at",
    )

    id: Id
    calendar: Id
    person: Id
    uid: str
    state: DeliveryState
    attempts: int
    wanted_revision: int
    delivered_revision: int | None
    due_at: Timestamp | None
    delivered_at: Timestamp | None
    reason: str | None = Field(description="why it waits or has failed; for a delivered one, what was restored")

    @classmethod
    def from_domain(cls, row: DeliveryRow) -> DeliveryDocument:
        """Return the document of a delivery."""
        return cls.of(row, calendar=row.calendar.id, person=row.calendar.person_id)


class DeliveryPage(PageDocument):
    """A meeting's deliveries, sorted by calendar and calendar object."""

    items: list[DeliveryDocument]


@api.operation("GET /meetings/<meeting_id>/deliveries", DeliveryPage, query=PageQuery)
def list_deliveries(meeting_id: str) -> Response:
    """List a meeting's deliveries to connected calendars."""
    page = read_page_request()
    rows = delivering.list_deliveries(context(), programme_id(), meeting_id)
    found = select_page(rows, lambda row: (row.calendar.id, row.uid), page)
    return answer_page(DeliveryPage, found, DeliveryDocument.from_domain, page)


@api.operation("POST /meetings/<meeting_id>/deliveries/<delivery_id>/retry", DeliveryDocument, status=202)
def retry_delivery(meeting_id: str, delivery_id: str) -> Response:
    """Repeat a delivery at once. Events that were deleted or changed in the calendar are restored."""
    return answer(
        DeliveryDocument.from_domain(delivering.retry_delivery(context(), programme_id(), meeting_id, delivery_id)), 202
    )
