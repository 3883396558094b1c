"""Searches for stored and inline attendees: load their availability, build the query, search."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from scheduler.domain.availability.attendees import Attendee, Unknown
from scheduler.domain.programme.api_keys import Viewer
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import CadenceAnswer, find_cadences
from scheduler.domain.search.rotations import RotationAnswer, find_rotations
from scheduler.domain.search.sequences import SequenceAnswer, SequenceQuery, find_sequences
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import SlotAnswer, find_slots
from scheduler.services.attendees import AttendeeSpec, cached_attendees, inline_attendees, load_attendees
from scheduler.services.availability_cache import ALWAYS, UNREAD
from scheduler.services.ports import Context

_Q = TypeVar("_Q", SlotQuery, CadenceQuery, SequenceQuery)
_A = TypeVar("_A", SlotAnswer, CadenceAnswer | RotationAnswer, SequenceAnswer)


@dataclass(frozen=True)
class SearchRequest(Generic[_Q]):
    """A request for a search. ``to_query`` builds the query once the attendees are loaded.

    With ``fair`` stored people are loaded with their burden. The time of the meeting ``except_meeting`` counts as free.
    """

    specs: Sequence[AttendeeSpec]
    to_query: Callable[[tuple[Attendee, ...]], _Q]
    fair: bool = False
    except_meeting: str | None = None

    def check_work(self) -> int:
        """Return the work of the search as far as the question alone tells it. Raises TooMuchWork."""
        known = tuple(Attendee(**{"zone": "UTC", **spec.fields}) for spec in self.specs)
        return self.to_query(known).extent.check()

    def inline_query(self) -> _Q:
        """Return the query of a request whose attendees are all inline. Raises NeedsStoredPerson, TooMuchWork."""
        query = self.to_query(inline_attendees(self.specs))
        query.extent.check()
        return query


@dataclass(frozen=True)
class Suggestion(Generic[_Q, _A]):
    """A search's query and answer. Personal data of the ``redacted`` attendees (indexes) must not be shown."""

    query: _Q
    answer: _A
    redacted: frozenset[int]

    @property
    def attendees(self) -> tuple[Attendee, ...]:
        """The query's attendees, without the reason why a redacted one is unknown, which may name their account."""
        return tuple(
            replace(one, unknown=Unknown(UNREAD, one.unknown.read_at))
            if index in self.redacted and one.unknown
            else one
            for index, one in enumerate(self.query.attendees)
        )


def suggest_slots(
    context: Context, programme_id: str, viewer: Viewer, request: SearchRequest[SlotQuery]
) -> Suggestion[SlotQuery, SlotAnswer]:
    """Find slots. Raises NotFound with the pointer of the field at fault."""
    return _suggest(context, programme_id, viewer, request, "slots", find_slots)


def suggest_cadences(
    context: Context, programme_id: str, viewer: Viewer, request: SearchRequest[CadenceQuery]
) -> Suggestion[CadenceQuery, CadenceAnswer | RotationAnswer]:
    """Find cadences or rotations. Raises NotFound with the pointer of the field at fault."""
    return _suggest(context, programme_id, viewer, request, "cadences", find_cadences_or_rotations)


def suggest_sequences(
    context: Context, programme_id: str, viewer: Viewer, request: SearchRequest[SequenceQuery]
) -> Suggestion[SequenceQuery, SequenceAnswer]:
    """Find sequences. Raises NotFound with the pointer of the field at fault."""
    return _suggest(context, programme_id, viewer, request, "sequences", find_sequences)


def find_cadences_or_rotations(query: CadenceQuery) -> CadenceAnswer | RotationAnswer:
    """Find rotations if the query asks for more than one local time, else cadences."""
    return find_rotations(query) if query.rotation > 1 else find_cadences(query)


def _attendees(context: Context, programme_id: str, request: SearchRequest[_Q]) -> tuple[Attendee, ...]:
    if request.except_meeting is None:
        return cached_attendees(context, programme_id, request.specs, fair=request.fair)
    with context.store.read() as tx:
        return load_attendees(context, tx, programme_id, request.specs, ALWAYS, request.except_meeting)


def _suggest(
    context: Context,
    programme_id: str,
    viewer: Viewer,
    request: SearchRequest[_Q],
    kind: str,
    find: Callable[[_Q], _A],
) -> Suggestion[_Q, _A]:
    began = time.perf_counter()
    query = request.to_query(_attendees(context, programme_id, request))
    query.extent.check()  # stored people may have limits of meetings
    answer = find(query)
    context.observer.searched(kind, time.perf_counter() - began, found=bool(answer.total))
    return Suggestion(query, answer, viewer.redacted(spec.person_id for spec in request.specs))
