"""Book the best cadence with the client of openapi-python-client."""

import sys
from datetime import date
from typing import TypeVar

from scheduler_client import AuthenticatedClient
from scheduler_client.api.blackouts import create_blackout
from scheduler_client.api.meetings import create_meeting
from scheduler_client.api.mentorships import create_mentorship
from scheduler_client.api.people import create_person
from scheduler_client.api.scheduling import find_cadences
from scheduler_client.models import (
    Attendee,
    BlackoutKind,
    CadenceBooking,
    CadencesAnswer,
    CadencesRequest,
    ChangedBlackout,
    Meeting,
    Mentorship,
    NewBlackout,
    NewMentorship,
    NewPerson,
    Person,
)

T = TypeVar("T")


def expect(kind: type[T], answer: object) -> T:
    """Return the answer if it is of that kind, and end the programme with the problem otherwise."""
    if not isinstance(answer, kind):
        sys.exit(f"expected {kind.__name__}, got {answer}")
    return answer


def main(url: str, key: str, first: date, last: date) -> None:
    """Create two people, an exam and a mentorship; find cadences, and book the best."""
    client = AuthenticatedClient(base_url=url, token=key)
    mentor_body = NewPerson(name="Greta", email="greta@example.org", time_zone="Europe/Berlin")
    mentor = expect(Person, create_person.sync(client=client, body=mentor_body))
    mentee_body = NewPerson(name="Asha", email="asha@example.org", time_zone="Asia/Kolkata", working_hours="any")
    mentee = expect(Person, create_person.sync(client=client, body=mentee_body))
    exam = NewBlackout(kind=BlackoutKind.EXAM, title="Finals", first_day=first, last_day=first)
    expect(ChangedBlackout, create_blackout.sync(mentee.id, client=client, body=exam))
    agreed = NewMentorship(mentor=mentor.id, mentee=mentee.id, goals=["First paper"], starts_on=first, ends_on=last)
    mentorship = expect(Mentorship, create_mentorship.sync(client=client, body=agreed))
    request = CadencesRequest(
        starts_on=first,
        ends_on=last,
        duration="PT45M",
        attendees=[Attendee(person=mentor.id), Attendee(person=mentee.id)],
    )
    best = expect(CadencesAnswer, find_cadences.sync(client=client, body=request)).cadences[0]
    booking = CadenceBooking(
        dtstart=best.dtstart,
        time_zone=best.time_zone,
        rrule=best.rrule,
        expected=best.occurrences,
        duration="PT45M",
    )
    meeting = expect(Meeting, create_meeting.sync(mentorship.id, client=client, body=booking))
    if len(meeting.occurrences) != best.occurrence_count:
        sys.exit("the meeting does not have the cadence's occurrences")
    print(f"booked {len(meeting.occurrences)} occurrences from {meeting.dtstart} in {meeting.time_zone}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], date.fromisoformat(sys.argv[3]), date.fromisoformat(sys.argv[4]))
