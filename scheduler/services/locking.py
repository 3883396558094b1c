"""Row locks of a change, always taken in one order, so that two changes can't deadlock.

The order: mentorships, people, meetings, rows of the outbox; each kind in the order of ids. SQLite has one writer at a
time.
"""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.domain.programme.meetings import Party
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.people import Person
from scheduler.store import Participants, StoredMeeting, Transaction


def lock_mentorship(tx: Transaction, programme_id: str, mentorship_id: str, guests: Iterable[Party] = ()) -> Mentorship:
    """Lock a mentorship, its two people and the guests of a meeting to be booked. Raises NotFound."""
    mentorship = tx.mentorships.get(programme_id, mentorship_id, lock=True)
    _lock_people(tx, programme_id, [mentorship.mentor_id, mentorship.mentee_id], [], guests)
    return mentorship


def lock_mentorship_with_meetings(
    tx: Transaction, programme_id: str, mentorship_id: str
) -> tuple[Mentorship, list[StoredMeeting]]:
    """Lock a mentorship, its meetings and everyone in them. Raises NotFound."""
    mentorship = tx.mentorships.get(programme_id, mentorship_id, lock=True)
    meetings = tx.meetings.list_for_mentorship(programme_id, mentorship_id)
    _lock_people(tx, programme_id, [mentorship.mentor_id, mentorship.mentee_id], meetings)
    return mentorship, tx.meetings.lock(programme_id, [stored.id for stored in meetings])


def lock_meeting(
    tx: Transaction, programme_id: str, meeting_id: str, guests: Iterable[Party] = ()
) -> tuple[Mentorship, StoredMeeting]:
    """Lock a meeting, its mentorship, everyone in it and the guests of one to be booked. Raises NotFound."""
    stored = tx.meetings.get(programme_id, meeting_id)
    mentorship = tx.mentorships.get(programme_id, stored.mentorship_id, lock=True)
    _lock_people(tx, programme_id, [], [stored], guests)
    return mentorship, tx.meetings.get(programme_id, meeting_id, lock=True)


def lock_person(tx: Transaction, programme_id: str, person_id: str) -> Person:
    """Lock a person, their mentorships, all meetings they are in, as a guest too, and everyone in these.

    Raises NotFound.
    """
    tx.mentorships.list_for_person(programme_id, person_id, lock=True)
    locked = _lock_participants(tx, programme_id, tx.people.get(programme_id, person_id))
    person = tx.people.get(programme_id, person_id)  # read again, now that nobody else can change or book them
    while (involved := tx.meetings.list_participants(programme_id, person_id, person.email)) != locked:
        locked = _lock_participants(tx, programme_id, person)
    tx.meetings.lock_rows(programme_id, {one.meeting_id for one in involved})
    return person


def _lock_participants(tx: Transaction, programme_id: str, person: Person) -> list[Participants]:
    """Lock a person and everybody in a meeting with them; return who is in which meeting."""
    found = tx.meetings.list_participants(programme_id, person.id, person.email)
    ids = {person.id, *(id_ for one in found for id_ in (one.mentor_id, one.mentee_id))}
    emails = set[str]().union(*(one.emails for one in found))
    tx.people.lock_including_erased(programme_id, ids | set(tx.people.find_ids_by_email(programme_id, emails)))
    return found


def _lock_people(
    tx: Transaction,
    programme_id: str,
    ids: Iterable[str],
    meetings: Iterable[StoredMeeting],
    guests: Iterable[Party] = (),
) -> None:
    """Lock the people of those ids, those in the meetings, and the guests who are people of the programme."""
    wanted, emails = set(ids), {guest.email for guest in guests}
    for stored in meetings:
        wanted |= {stored.mentor_id, stored.mentee_id}
        emails |= {guest.email for guest in stored.meeting.guests}
    wanted.update(tx.people.find_ids_by_email(programme_id, {email for email in emails if email}))
    tx.people.lock_including_erased(programme_id, wanted)
