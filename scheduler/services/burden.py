"""The burden of stored people's meetings: of each person, and in each mentorship beside the partner's."""

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
class BurdenSum:
    """A number of occurrences and their burden, in weighted minutes."""

    occurrences: int
    burden: int


@dataclass(frozen=True)
class Share:
    """A person's burden of some occurrences: ``held`` have ended, ``coming`` have not."""

    held: BurdenSum
    coming: BurdenSum

    @property
    def burden(self) -> int:
        """The burden of both, in weighted minutes."""
        return self.held.burden + self.coming.burden


@dataclass(frozen=True)
class PersonBurden:
    """A person's burden of all their meetings, and of each mentorship's."""

    whole: Share
    mentorships: tuple[MentorshipShare, ...]


@dataclass(frozen=True)
class MentorshipShare:
    """The burden of a mentorship's meetings for a person and the partner (None if the partner's data is erased)."""

    mentorship_id: str
    partner_id: str
    own: Share
    partner: Share | None


def get_person_burden(
    context: Context, programme_id: str, person_id: str, start: datetime | None = None, end: datetime | None = None
) -> PersonBurden:
    """The burden of a person's occurrences that take place and start in [start, end). Raises NotFound."""
    now = context.clock()
    with context.store.read() as tx:
        tx.people.get(programme_id, person_id)
        occurrences = [
            one
            for one in tx.meetings.list_occurrences(programme_id, [person_id])
            if (start is None or one.period.start >= start) and (end is None or one.period.start < end)
        ]
        people = tx.people.find_many(programme_id, [person_id, *(_partner(one, person_id) for one in occurrences)])
    shares = []
    for mentorship_id in dict.fromkeys(one.mentorship_id for one in occurrences):
        theirs = [one for one in occurrences if one.mentorship_id == mentorship_id]
        periods = [one.period for one in theirs]
        partner_id = _partner(theirs[0], person_id)
        partner = _share(people[partner_id], periods, now) if partner_id in people else None
        shares.append(MentorshipShare(mentorship_id, partner_id, _share(people[person_id], periods, now), partner))
    return PersonBurden(_share(people[person_id], [one.period for one in occurrences], now), tuple(shares))


def _share(person: Person, periods: Sequence[Period], now: datetime) -> Share:
    each = burden_of_each(_as_attendee(person), periods)
    held = [burden for burden, period in zip(each, periods, strict=True) if period.end <= now]
    return Share(BurdenSum(len(held), sum(held)), BurdenSum(len(each) - len(held), sum(each) - sum(held)))


def _as_attendee(person: Person) -> Attendee:
    """The person with the fields that a burden depends on: the clock and the preferred hours."""
    return Attendee(person.time_zone, travel=person.travel, preferred_hours=person.preferred_hours)


def _partner(occurrence: MentorshipOccurrence, person_id: str) -> str:
    return occurrence.mentee_id if occurrence.mentor_id == person_id else occurrence.mentor_id
