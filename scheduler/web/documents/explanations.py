"""Explanations in JSON: why nothing was found, the blocking causes, and relaxations.

A relaxation's ``patch`` has changed members of an attendee or of the request. A request with the patch applied gains
the starts or the coverage that the relaxation states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, TypeAdapter

from scheduler.domain.availability.attendees import Blackout, Buffer
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.explanation import Explanation, Reason
from scheduler.domain.search.relaxations import Relaxation
from scheduler.domain.search.rules import Rules
from scheduler.domain.time.periods import Period
from scheduler.services.blackouts import BlackoutFields
from scheduler.web.documents.attendees import ANY_TIME, AttendeeBlackoutDocument, Week, hours_from_domain
from scheduler.web.fields.document import Document, Omissible
from scheduler.web.fields.durations import format_duration
from scheduler.web.fields.times import format_instant

_WEEK: TypeAdapter[Week] = TypeAdapter(Week)


class BlockingCauseDocument(Document):
    """How many starts a cause alone removes. A null ``index`` is a rule of the request."""

    index: int | None
    cause: Cause
    starts_lost: int


class RelaxationDocument(Document):
    """A change of the request, and what it gains."""

    index: int | None = Field(description="the attendee whose members ``patch`` replaces; null: the request")
    change: str
    patch: dict[str, object]
    starts_gained: Omissible[int] = Field(None, description="of slots")
    coverage_gained: Omissible[float] = Field(None, description="of cadences")


class ExplanationDocument(Document):
    """The blocking causes; if nothing was found, also the reason and relaxations, the smallest change first."""

    reason: Reason | None = Field(description="null: something was found")
    blocking: list[BlockingCauseDocument]
    relaxations: list[RelaxationDocument]
    complete: Omissible[bool] = Field(
        None, description="false: the work allowed for trials did not suffice for all changes; left out if it did"
    )

    @classmethod
    def from_domain(
        cls, explanation: Explanation | None, gained: str, redacted: frozenset[int] = frozenset()
    ) -> ExplanationDocument | None:
        """Return the document of an explanation. ``gained`` is the name of the member for a relaxation's gain.

        For ``redacted`` indexes (stored people, and a key without people:read) blackouts are not described, and
        relaxations of hours or buffers are left out.
        """
        if explanation is None:
            return None
        rows = [BlockingCauseDocument.of(row) for row in explanation.blocking]
        relaxed = [
            _relaxation(one, gained, personal=one.change.index not in redacted)
            for one in explanation.relaxations
            if one.change.index not in redacted or not one.change.fields.keys() & {"hours", "buffer"}
        ]
        return cls(
            reason=explanation.reason,
            blocking=rows,
            relaxations=relaxed,
            complete=None if explanation.complete else False,
        )


def _relaxation(relaxation: Relaxation, gained: str, *, personal: bool) -> RelaxationDocument:
    change, patch = relaxation.change, _patch(relaxation.change.fields)
    is_hidden = "softened_blackouts" in patch and not personal
    description = "let a blackout only be avoided" if is_hidden else change.description
    return RelaxationDocument(index=change.index, change=description, patch=patch, **{gained: relaxation.gain})


def _patch(fields: Mapping[str, Any]) -> dict[str, object]:
    """Return the request members for one changed field of the domain."""
    ((name, value),) = fields.items()
    match name, value:
        case "hours", _:
            hours = ANY_TIME if value is None else hours_from_domain(value)
            return {"working_hours": _WEEK.dump_python(hours, mode="json")}
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
    """Return stored blackouts by id, which reveals no details, and inline blackouts in full."""
    if all(blackout.id is not None for blackout in blackouts):
        return {"softened_blackouts": [blackout.id for blackout in blackouts if not blackout.firm]}
    rows = [AttendeeBlackoutDocument.of(BlackoutFields.of(blackout)) for blackout in blackouts]
    return {"blackouts": [row.model_dump(mode="json", exclude_none=True) for row in rows]}
