"""What a change locks before it decides, always in one order, so that two changes never wait for each other in a ring.

The order: mentorships, then people, then meetings, then rows of the outbox, each kind in the order of ids.
On SQLite a writer is alone anyway.
"""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.domain.programme.meetings import Party
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.people import Person
from scheduler.store import StoredMeeting, Transaction


def lock_mentorship(tx: Transaction, programme_id: str, mentorship_id: str, guests: Iterable[Party] = ()) -> Mentorship:
    """The mentorship, locked with its two people and the guests of a meeting to be booked. Raises NotFound."""
    mentorship = tx.mentorships.get(programme_id, mentorship_id, lock=True)
    _lock_people(tx, programme_id, [mentorship.mentor_id, mentorship.mentee_id], [], guests)
    return mentorship


def lock_mentorship_with_meetings(
    tx: Transaction, programme_id: str, mentorship_id: str
) -> tuple[Mentorship, list[StoredMeeting]]:
    """The mentorship and its meetings by id, locked with everybody in them. Raises NotFound."""
    mentorship = tx.mentorships.get(programme_id, mentorship_id, lock=True)
    meetings = tx.meetings.list_for_mentorship(programme_id, mentorship_id)
    _lock_people(tx, programme_id, [mentorship.mentor_id, mentorship.mentee_id], meetings)
    return mentorship, tx.meetings.lock(programme_id, [stored.id for stored in meetings])


def lock_meeting(tx: Transaction, programme_id: str, meeting_id: str) -> tuple[Mentorship, StoredMeeting]:
    """The meeting and its mentorship, with everybody in it locked. Raises NotFound."""
    seen = tx.meetings.get(programme_id, meeting_id)
    mentorship = tx.mentorships.get(programme_id, seen.mentorship_id, lock=True)
    _lock_people(tx, programme_id, [], [seen])
    return mentorship, tx.meetings.get(programme_id, meeting_id, lock=True)


def lock_person(tx: Transaction, programme_id: str, person_id: str) -> Person:
    """The person, locked with their mentorships, their meetings and those they are a guest of, and everybody in these.

    Raises NotFound.
    """
    tx.mentorships.list_for_person(programme_id, person_id, lock=True)
    _lock_people(tx, programme_id, [person_id], _meetings(tx, programme_id, tx.people.get(programme_id, person_id)))
    person = tx.people.get(programme_id, person_id)  # as it is, now that nobody else can change it or book with it
    tx.meetings.lock(programme_id, {stored.id for stored in _meetings(tx, programme_id, person)})
    return person


def _meetings(tx: Transaction, programme_id: str, person: Person) -> list[StoredMeeting]:
    return tx.meetings.list_for_person(programme_id, person.id) + tx.meetings.list_for_guest(programme_id, person.email)


def _lock_people(
    tx: Transaction,
    programme_id: str,
    ids: Iterable[str],
    meetings: Iterable[StoredMeeting],
    guests: Iterable[Party] = (),
) -> None:
    """Those people, those in the meetings, and whoever of the programme is a guest there."""
    wanted, emails = set(ids), {guest.email for guest in guests}
    for stored in meetings:
        wanted |= {stored.mentor_id, stored.mentee_id}
        emails |= {guest.email for guest in stored.meeting.guests}
    wanted.update(tx.people.find_ids_by_email(programme_id, {email for email in emails if email}))
    tx.people.lock_including_erased(programme_id, wanted)
