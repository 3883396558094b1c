"""Conflicts of booked occurrences in JSON, and what a change of somebody's time did to booked meetings."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlencode

from flask import request
from pydantic import Field

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.availability.obstacles import Cause, Obstacle
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.conflicts import Resolution
from scheduler.domain.time.zones import local_time
from scheduler.services.offering import ALTERNATIVES, MOST, Consequences, OfferedConflict
from scheduler.store import StoredMeeting
from scheduler.web.fields.document import Document, Omissible, only
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import Instant, RecurrenceId
from scheduler.web.http.requests import api_key, viewer


class ConflictCauseDocument(Document):
    """What keeps a person from an occurrence."""

    person: Id
    cause: Cause
    blackout: Omissible[Id] = Field(None, description="the id of the firm blackout, if it is one")
    kind: Omissible[BlackoutKind] = Field(None, description="of the blackout; needs a key with people:read")

    @classmethod
    def from_domain(cls, obstacle: Obstacle) -> ConflictCauseDocument:
        """Return the document of an obstacle, with what the request's key may see."""
        return cls.of(obstacle, kind=obstacle.kind if viewer().sees_people else None)


class AlternativeDocument(Document):
    """Another time for an occurrence, with its score from 0 to 1."""

    start: Instant
    end: Instant
    score: float


class ConflictDocument(Document):
    """A booked occurrence that somebody can't come to any more, and what was decided; one for each occurrence."""

    meeting: Id
    mentorship: Id
    recurrence_id: RecurrenceId
    start: Instant = Field(description="when the occurrence was to take place")
    end: Instant
    blocked_by: list[ConflictCauseDocument]
    resolution: Resolution
    moved_to: Instant | None
    alternatives: list[AlternativeDocument] = Field(
        description=f"where an open one can move, at most {ALTERNATIVES} on several days; the first ones of all "
        "open conflicts in an answer can be taken together. Of a moved or skipped one: where restore puts it, if that "
        "is free"
    )

    @classmethod
    def from_domain(cls, offered: OfferedConflict) -> ConflictDocument:
        """Return the document of a conflict, with what the request's key may see."""
        stored = offered.stored
        conflict = stored.conflict
        return cls.model_construct(
            meeting=stored.meeting_id,
            mentorship=stored.mentorship_id,
            recurrence_id=conflict.recurrence_id.wall,
            start=conflict.period.start,
            end=conflict.period.end,
            blocked_by=[ConflictCauseDocument.from_domain(one) for one in conflict.obstacles],
            resolution=conflict.resolution,
            moved_to=conflict.moved_to.start if conflict.moved_to else None,
            alternatives=[AlternativeDocument.of(one.period, score=one.score) for one in offered.alternatives],
        )


class HitSeriesDocument(Document):
    """A series of which more than a third of what is to come is blocked."""

    meeting: Id
    mentorship: Id
    cadences: str = Field(
        description="where the best cadences for what is left are answered",
        json_schema_extra={"format": "uri-reference"},
    )

    @classmethod
    def from_domain(cls, stored: StoredMeeting) -> HitSeriesDocument:
        """Return the document of a series, another cadence of which begins where the first occurrence is blocked."""
        meeting = stored.meeting
        first = min(one.period.start for one in meeting.occurrences if one.to_be_moved)
        day = local_time(first, meeting.series.time_zone).wall.date()
        asked = urlencode({"from": day, "meeting": stored.id})
        cadences = f"{request.script_root}/v1/mentorships/{stored.mentorship_id}/cadences?{asked}"
        return cls(meeting=stored.id, mentorship=stored.mentorship_id, cadences=cadences)


class ConsequencesDocument(Document):
    """What a change did to booked meetings; left out for a key without meetings:read."""

    shown_to_writers = only("conflicts", "total", "hit_hard")

    conflicts: Omissible[list[ConflictDocument]] = Field(
        None, description=f"those that it made or ended, at most {MOST}, open ones first; needs meetings:read"
    )
    total: Omissible[int] = Field(None, description="the number of all of them; needs meetings:read")
    hit_hard: Omissible[list[HitSeriesDocument]] = Field(
        None, description="series of which more than a third is blocked; left out if there are none"
    )

    @classmethod
    def after(cls, found: Consequences, changed: Document | None = None) -> Self:
        """Return the document of consequences, with what the request's key may see, and with what was changed."""
        is_shown = api_key().allows(Scope.MEETINGS_READ)
        hit_hard = [HitSeriesDocument.from_domain(stored) for stored in found.hit_hard]
        return cls.of(
            found,
            conflicts=[ConflictDocument.from_domain(one) for one in found.conflicts] if is_shown else None,
            total=found.total if is_shown else None,
            hit_hard=hit_hard if is_shown and hit_hard else None,
            **({} if changed is None else dict(changed)),
        )
