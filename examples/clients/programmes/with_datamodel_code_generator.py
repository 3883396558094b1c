"""Book the best cadence with httpx and the models of datamodel-code-generator."""

import sys
from typing import TypeVar

import httpx
from pydantic import BaseModel
from scheduler_models import (
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

T = TypeVar("T", bound=BaseModel)


class Client:
    """Sends and reads models."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"})

    def post(self, path: str, body: BaseModel, answer: type[T]) -> T:
        """Return the answer to a POST as that model, and end the programme with the problem otherwise."""
        sent = body.model_dump_json(exclude_unset=True, by_alias=True)
        response = self._http.post(f"/v1{path}", content=sent, headers={"Content-Type": "application/json"})
        if response.is_error:
            sys.exit(response.text)
        return answer.model_validate_json(response.content)


def main(url: str, key: str, first: str, last: str) -> None:
    """Create two people, an exam and a mentorship; find cadences, and book the best."""
    client = Client(url, key)
    greta = {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"}
    mentor = client.post("/people", NewPerson.model_validate(greta), Person)
    asha = {"name": "Asha", "email": "asha@example.org", "time_zone": "Asia/Kolkata", "working_hours": "any"}
    mentee = client.post("/people", NewPerson.model_validate(asha), Person)
    exam = NewBlackout.model_validate({"kind": "exam", "title": "Finals", "first_day": first, "last_day": first})
    client.post(f"/people/{mentee.id}/blackouts", exam, ChangedBlackout)
    dates = {"starts_on": first, "ends_on": last}
    agreed = {"mentor": mentor.id, "mentee": mentee.id, "goals": ["First paper"], **dates}
    mentorship = client.post("/mentorships", NewMentorship.model_validate(agreed), Mentorship)
    request = {"duration": "PT45M", "attendees": [{"person": mentor.id}, {"person": mentee.id}], **dates}
    best = client.post("/cadences", CadencesRequest.model_validate(request), CadencesAnswer).cadences[0]
    booking = best.model_dump(mode="json", exclude_unset=True, include={"dtstart", "time_zone", "rrule"})
    booking |= {"expected": best.model_dump(mode="json", exclude_unset=True)["occurrences"], "duration": "PT45M"}
    meeting = client.post(f"/mentorships/{mentorship.id}/meetings", CadenceBooking.model_validate(booking), Meeting)
    if len(meeting.occurrences) != best.occurrence_count:
        sys.exit("the meeting does not have the cadence's occurrences")
    print(f"booked {len(meeting.occurrences)} occurrences from {meeting.dtstart} in {meeting.time_zone}")


if __name__ == "__main__":
    main(*sys.argv[1:])
