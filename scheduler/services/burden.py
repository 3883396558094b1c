"""Who has borne how much: the burden of all the meetings that stored people keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.burden import burden_of_each
from scheduler.domain.programme.people import Person
from scheduler.domain.time.periods import Period
from scheduler.services.ports import Context
from scheduler.store import MentorshipOccurrence


@dataclass(frozen=True)
class Borne:
    """How many occurrences, and the burden of them in weighted minutes."""

    occurrences: int
    burden: int


@dataclass(frozen=True)
class Share:
    """What somebody bears of some occurrences: of those that have ended, and of those that are still to end."""

    held: Borne
    coming: Borne

    @property
    def burden(self) -> int:
        """Weighted minutes, all in all."""
        return self.held.burden + self.coming.burden


@dataclass(frozen=True)
class Ledger:
    """A person's share of all their meetings, and of each mentorship's beside their partner's.

    The partner's is None if their personal data is erased.
    """

    whole: Share
    mentorships: tuple[MentorshipShare, ...]


@dataclass(frozen=True)
class MentorshipShare:
    """What a person and their partner bear of one mentorship's meetings."""

    mentorship_id: str
    partner_id: str
    own: Share
    partner: Share | None


def burden_ledger(
    context: Context, programme_id: str, person_id: str, start: datetime | None = None, end: datetime | None = None
) -> Ledger:
    """What the person bears of the meetings that they keep and that start in [start, end) (None: no such end).

    Raises NotFound.
    """
    now = context.clock()
    with context.store.read() as tx:
        tx.people.get(programme_id, person_id)
        kept = [
            one
            for one in tx.meetings.list_occurrences(programme_id, [person_id])
            if (start is None or one.period.start >= start) and (end is None or one.period.start < end)
        ]
        people = tx.people.find_many(programme_id, [person_id, *(_partner(one, person_id) for one in kept)])
    shares = []
    for mentorship_id in dict.fromkeys(one.mentorship_id for one in kept):
        theirs = [one for one in kept if one.mentorship_id == mentorship_id]
        periods = [one.period for one in theirs]
        partner_id = _partner(theirs[0], person_id)
        partner = _share(people[partner_id], periods, now) if partner_id in people else None
        shares.append(MentorshipShare(mentorship_id, partner_id, _share(people[person_id], periods, now), partner))
    return Ledger(_share(people[person_id], [one.period for one in kept], now), tuple(shares))


def _share(person: Person, periods: Sequence[Period], now: datetime) -> Share:
    each = burden_of_each(_on_their_clock(person), periods)
    held = [burden for burden, period in zip(each, periods, strict=True) if period.end <= now]
    return Share(Borne(len(held), sum(held)), Borne(len(each) - len(held), sum(each) - sum(held)))


def _on_their_clock(person: Person) -> Attendee:
    """The person as far as a burden goes by them: their clock, and what they prefer."""
    return Attendee(person.time_zone, travel=person.travel, preferred_hours=person.preferred_hours)


def _partner(kept: MentorshipOccurrence, person_id: str) -> str:
    return kept.mentee_id if kept.mentor_id == person_id else kept.mentor_id
