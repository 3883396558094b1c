"""Deliveries of a meeting to connected calendars: /v1/meetings/{id}/deliveries."""

from __future__ import annotations

from flask import Blueprint, Response
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.outbox import DeliveryState
from scheduler.services import delivering
from scheduler.store import DeliveryRow
from scheduler.web.fields.document import Document
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import Timestamp
from scheduler.web.http.operations import Operation
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request, select_page
from scheduler.web.http.requests import answer, context, programme_id

api = Blueprint("deliveries", __name__)


class DeliveryDocument(Document):
    """The progress of a meeting's delivery to one connected calendar."""

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
        return cls(
            id=row.id,
            calendar=row.calendar.id,
            person=row.calendar.person_id,
            uid=row.uid,
            state=row.state,
            attempts=row.attempts,
            wanted_revision=row.wanted_revision,
            delivered_revision=row.delivered_revision,
            due_at=row.due_at,
            delivered_at=row.delivered_at,
            reason=row.reason,
        )


class DeliveryPage(PageDocument):
    """A meeting's deliveries, sorted by calendar and calendar object."""

    items: list[DeliveryDocument]


@api.get("/meetings/<meeting_id>/deliveries")
@Operation(DeliveryPage, query=PageQuery, refuses=(404,), tag="meetings", scope=Scope.MEETINGS_READ)
def list_deliveries(meeting_id: str) -> Response:
    """List a meeting's deliveries to connected calendars."""
    page = read_page_request()
    rows = delivering.list_deliveries(context(), programme_id(), meeting_id)
    found = select_page(rows, lambda row: (row.calendar.id, row.uid), page)
    return answer_page(DeliveryPage, found, DeliveryDocument.from_domain, page)


@api.post("/meetings/<meeting_id>/deliveries/<delivery_id>/retry")
@Operation(DeliveryDocument, status=202, refuses=(404,), tag="meetings", scope=Scope.MEETINGS_WRITE)
def retry_delivery(meeting_id: str, delivery_id: str) -> Response:
    """Repeat a delivery at once. Events that were deleted or changed in the calendar are restored."""
    return answer(
        DeliveryDocument.from_domain(delivering.retry_delivery(context(), programme_id(), meeting_id, delivery_id)), 202
    )
