"""Why nothing was found, who stands in the way, and what would help, in JSON.

A relaxation's ``patch`` has members of the request as they would have to be: put them in place of the attendee's (or of
the request's own), send it again, and it comes to what was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, TypeAdapter

from scheduler.domain.availability.attendees import Blackout, Buffer, Days
from scheduler.domain.search.constraints import Cause
from scheduler.domain.search.explanation import Explanation, Reason
from scheduler.domain.search.relaxations import Relaxation
from scheduler.domain.search.rules import Rules
from scheduler.domain.time.periods import Period
from scheduler.web.documents.attendees import Week, week_of
from scheduler.web.fields.document import Document, Omissible
from scheduler.web.fields.durations import format_duration
from scheduler.web.fields.times import format_instant

_WEEK: TypeAdapter[Week] = TypeAdapter(Week)


class BlockingCauseDocument(Document):
    """How many starts one cause takes by itself; ``index`` null is the request's own."""

    index: int | None
    cause: Cause
    starts_lost: int


class RelaxationDocument(Document):
    """A change of the request that was tried, and what the changed request comes to."""

    index: int | None = Field(description="whose members ``patch`` replaces; null: the request's own")
    change: str
    patch: dict[str, object]
    starts_gained: Omissible[int] = Field(None, description="of slots")
    coverage_gained: Omissible[float] = Field(None, description="of cadences")


class ExplanationDocument(Document):
    """Who stands in the way; where there is nothing, also why, and what would help, the least change first."""

    reason: Reason | None = Field(description="null: something was found")
    blocking: list[BlockingCauseDocument]
    relaxations: list[RelaxationDocument]

    @classmethod
    def of(
        cls, explanation: Explanation | None, gained: str, redacted: frozenset[int] = frozenset()
    ) -> ExplanationDocument | None:
        """The document of the domain's explanation; ``gained`` names the member for what a change comes to.

        Of the attendees who are ``redacted`` (stored people, to a key that may not read people) a blackout is not
        described, and changes that would tell their hours or buffers are left out.
        """
        if explanation is None:
            return None
        rows = [
            BlockingCauseDocument(index=row.index, cause=row.cause, starts_lost=row.starts_lost)
            for row in explanation.blocking
        ]
        relaxed = [
            _relaxation(one, gained, personal=one.change.index not in redacted)
            for one in explanation.relaxations
            if one.change.index not in redacted or not one.change.fields.keys() & {"hours", "buffer"}
        ]
        return cls(reason=explanation.reason, blocking=rows, relaxations=relaxed)


def _relaxation(relaxation: Relaxation, gained: str, *, personal: bool) -> RelaxationDocument:
    change, patch = relaxation.change, _patch(relaxation.change.fields)
    is_hidden = "softened_blackouts" in patch and not personal
    description = "let a blackout only be avoided" if is_hidden else change.description
    return RelaxationDocument(index=change.index, change=description, patch=patch, **{gained: relaxation.gain})


def _patch(fields: Mapping[str, Any]) -> dict[str, object]:
    """The members that a request says the domain's fields by."""
    ((name, value),) = fields.items()
    match name, value:
        case "hours", _:
            return {"working_hours": _WEEK.dump_python(week_of(value), mode="json")}
        case "buffer", Buffer(before=before, after=after):
            return {"buffer": {"before": format_duration(before), "after": format_duration(after)}}
        case "blackouts", _:
            return _softened(value)
        case "required", False:
            return {"role": "optional"}
        case "duration", int():
            return {"duration": format_duration(value)}
        case "rules", Rules(groups=groups):
            return {"groups": [{"members": list(group.members), "required": group.required} for group in groups]}
        case "window", Period(start=start, end=end):
            return {"window": {"start": format_instant(start), "end": format_instant(end)}}
        case _:
            return {name: str(value)}


def _softened(blackouts: Sequence[Blackout]) -> dict[str, object]:
    """Stored blackouts by id, without their content; others as they were given."""
    if all(blackout.id is not None for blackout in blackouts):
        return {"softened_blackouts": [blackout.id for blackout in blackouts if not blackout.firm]}
    return {"blackouts": [_blackout(blackout) for blackout in blackouts]}


def _blackout(blackout: Blackout) -> dict[str, object]:
    span = blackout.span
    when = (
        {"first_day": str(span.first), "last_day": str(span.last)}
        if isinstance(span, Days)
        else {"start": format_instant(span.start), "end": format_instant(span.end)}
    )
    return {"kind": blackout.kind.value, "title": blackout.title, "firm": blackout.firm, **when}
