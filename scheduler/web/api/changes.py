"""What changed in a meeting, when, by whom and why: /v1/meetings/{id}/changes."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.changes import ChangeType, LoggedChange
from scheduler.services import meetings
from scheduler.web.fields.document import Document, Omissible
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import Instant, RecurrenceId, Timestamp
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request
from scheduler.web.http.requests import context, programme_id
from scheduler.web.http.resources import Resource

api = Resource("changes", tag="meetings", reads=Scope.MEETINGS_READ, writes=Scope.MEETINGS_WRITE)


class ChangeCauseDocument(Document):
    """Why an occurrence was changed: what keeps a person from it."""

    person: Id
    cause: Cause
    blackout: Omissible[Id] = None


class ChangeDocument(Document):
    """One thing that changed. It names people and blackouts by their ids alone."""

    at: Timestamp
    type: ChangeType
    actor: str = Field(description="who made it: `key:` and the API key's id, or `service`")
    recurrence_id: Omissible[RecurrenceId] = Field(None, description="left out: the meeting as a whole")
    before: Omissible[Instant] = Field(
        None, alias="from", serialization_alias="from", description="when it took place before; left out: it did not"
    )
    after: Omissible[Instant] = Field(
        None, alias="to", serialization_alias="to", description="when it takes place now; left out: it does not"
    )
    because: Omissible[list[ChangeCauseDocument]] = Field(None, description="left out: no reason is known")

    @classmethod
    def from_domain(cls, logged: LoggedChange) -> ChangeDocument:
        """Return the document of a change in the log."""
        change = logged.change
        details = change.details
        return cls(
            at=logged.at,
            type=change.type,
            actor=logged.actor,
            recurrence_id=change.recurrence_id,
            before=details.get("from"),
            after=details.get("to"),
            because=[ChangeCauseDocument(**row) for row in details["because"]] if "because" in details else None,
        )


class ChangePage(PageDocument):
    """A meeting's changes, the oldest first."""

    items: list[ChangeDocument]


@api.operation("GET /meetings/<meeting_id>/changes", ChangePage, query=PageQuery)
def list_changes(meeting_id: str) -> Response:
    """List what changed in a meeting: when, by whom, and why."""
    page = read_page_request()
    found = meetings.list_changes(context(), programme_id(), meeting_id, page.after, page.fetch_limit)
    return answer_page(ChangePage, found, ChangeDocument.from_domain, page)
