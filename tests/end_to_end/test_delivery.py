"""The service as a process, a real Radicale, and what a calendar app finds there."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
import recurring_ical_events
from support.radicale import Radicale, ask, object_url
from support.service import Service, wait_for

from examples.demo.dates import next_monday, today
from scheduler.domain.programme.people import Account


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.serve()
    yield service
    service.stop()


def day(number: int) -> date:
    """So many days after next Monday."""
    return next_monday(today()) + timedelta(days=number)


def agree_on_mentorship(service: Service) -> dict[str, str]:
    evening = [{"days": ["MO", "TH"], "start": "16:00", "end": "21:00"}]
    mentor = service.ask(
        "POST", "/people", {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"}
    )
    mentee = service.ask(
        "POST",
        "/people",
        {"name": "Asha", "email": "asha@example.org", "time_zone": "Asia/Kolkata", "working_hours": evening},
    )
    exam = {"kind": "exam", "title": "Finals", "first_day": f"{day(42)}", "last_day": f"{day(42)}"}
    service.ask("POST", f"/people/{mentee['id']}/blackouts", exam)
    mentorship = {
        "mentor": mentor["id"],
        "mentee": mentee["id"],
        "goals": ["Three merged pull requests"],
        "starts_on": f"{day(0)}",
        "ends_on": f"{day(172)}",
    }
    agreed = service.ask("POST", "/mentorships", mentorship)
    return {"mentor": mentor["id"], "mentee": mentee["id"], "mentorship": agreed["id"]}


def connect(service: Service, person: str, account: Account) -> None:
    body = {"url": account.url, "username": account.username, "password": account.password}
    service.ask("POST", f"/people/{person}/calendars", body)


def book_mondays(service: Service, ids: dict[str, str]) -> dict[str, Any]:
    """A fortnightly cadence, of whose dates the exam blocks one, which is moved."""
    attendees = [{"person": ids["mentor"]}, {"person": ids["mentee"]}]
    asked = {"starts_on": f"{day(0)}", "ends_on": f"{day(172)}", "every_weeks": 2, "duration": "PT45M", "limit": 100}
    found = service.ask("POST", "/cadences", {**asked, "attendees": attendees})
    cadence = next(row for row in found["cadences"] if any(one["status"] == "moved" for one in row["occurrences"]))
    booking = {name: cadence[name] for name in ("dtstart", "time_zone", "rrule")}
    booking |= {"expected": cadence["occurrences"], "duration": "PT45M"}
    meeting: dict[str, Any] = service.ask("POST", f"/mentorships/{ids['mentorship']}/meetings", booking)
    return meeting


def is_delivered(service: Service, meeting: dict[str, Any]) -> bool:
    rows = service.ask("GET", f"/meetings/{meeting['id']}/deliveries")["items"]
    return bool(rows) and all(
        row["state"] == "delivered" and row["delivered_revision"] == row["wanted_revision"] for row in rows
    )


def delivery(service: Service, meeting: dict[str, Any]) -> dict[str, Any]:
    """The meeting's only one."""
    (row,) = service.ask("GET", f"/meetings/{meeting['id']}/deliveries")["items"]
    return dict(row)


def promised(service: Service, meeting: dict[str, Any]) -> list[tuple[datetime, datetime]]:
    rows = service.ask("GET", f"/meetings/{meeting['id']}/occurrences")["items"]
    kept = [row for row in rows if row["status"] in {"scheduled", "moved"}]
    return sorted((datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in kept)


def on_server(account: Account, uid: str) -> list[tuple[datetime, datetime]]:
    calendar = icalendar.Calendar.from_ical(ask(account, "GET", object_url(account, uid)).content)
    events = recurring_ical_events.of(calendar).between(day(-7), day(400))
    return sorted((event.start.astimezone(UTC), event.end.astimezone(UTC)) for event in events)


def component(account: Account, uid: str) -> icalendar.Component:
    calendar = icalendar.Calendar.from_ical(ask(account, "GET", object_url(account, uid)).content)
    return calendar.walk("VEVENT")[0]


def test_booking_its_changes_and_its_end_reach_both_calendars(service: Service, radicale: Radicale) -> None:
    mentors, mentees = radicale.new_account(), radicale.new_account()
    ids = agree_on_mentorship(service)
    connect(service, ids["mentor"], mentors)
    connect(service, ids["mentee"], mentees)
    meeting = book_mondays(service, ids)
    path, uid = f"/meetings/{meeting['id']}", meeting["uid"]

    wait_for(lambda: is_delivered(service, meeting))
    assert on_server(mentors, uid) == on_server(mentees, uid) == promised(service, meeting)
    assert component(mentors, uid)["SEQUENCE"] == 0

    service.ask("PATCH", path, {"title": "Pairing on the parser"})
    wait_for(lambda: is_delivered(service, meeting))
    assert component(mentors, uid)["SUMMARY"] == "Pairing on the parser"
    assert component(mentors, uid)["SEQUENCE"] == 0

    second = meeting["occurrences"][1]
    service.ask("PATCH", f"{path}/occurrences/{second['recurrence_id']}", {"start": f"{day(17)}T12:00:00Z"})
    wait_for(lambda: is_delivered(service, meeting))
    assert on_server(mentors, uid) == on_server(mentees, uid) == promised(service, meeting)
    noon = datetime(day(17).year, day(17).month, day(17).day, 12, tzinfo=UTC)
    assert (noon, noon + timedelta(minutes=45)) in on_server(mentors, uid)
    assert component(mentors, uid)["SEQUENCE"] == 1

    service.ask("DELETE", path)
    wait_for(lambda: is_delivered(service, meeting))
    assert component(mentors, uid)["STATUS"] == component(mentees, uid)["STATUS"] == "CANCELLED"
    assert component(mentors, uid)["SEQUENCE"] == 2


def test_server_back_after_an_outage_gets_the_meeting(service: Service, radicale: Radicale) -> None:
    account = radicale.new_account()
    ids = agree_on_mentorship(service)
    connect(service, ids["mentor"], account)
    radicale.stop()
    meeting = book_mondays(service, ids)

    wait_for(lambda: delivery(service, meeting)["reason"])
    row = delivery(service, meeting)
    assert row["state"] == "waiting"
    assert row["due_at"]
    radicale.start()
    wait_for(lambda: is_delivered(service, meeting))
    assert on_server(account, meeting["uid"]) == promised(service, meeting)


def test_busy_time_of_a_connected_calendar_is_respected_once_read(service: Service, radicale: Radicale) -> None:
    account = radicale.new_account()
    ids = agree_on_mentorship(service)
    monday = day(56)
    event = (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//phone//EN\r\nBEGIN:VEVENT\r\nUID:dentist\r\n"
        b"DTSTAMP:20261101T000000Z\r\nDTSTART:%(day)sT110000Z\r\nDTEND:%(day)sT130000Z\r\nSUMMARY:Dentist\r\n"
        b"END:VEVENT\r\nEND:VCALENDAR\r\n"
    ) % {b"day": f"{monday:%Y%m%d}".encode()}
    assert ask(account, "PUT", object_url(account, "dentist"), event).status_code == 201
    question = {
        "window": {"start": f"{monday}T09:00:00Z", "end": f"{monday}T16:00:00Z"},
        "duration": "PT30M",
        "attendees": [{"person": ids["mentor"]}],
        "limit": 100,
    }
    connect(service, ids["mentor"], account)

    def answer_once_read() -> dict[str, Any] | None:
        answer: dict[str, Any] = service.ask("POST", "/slots", question)
        return None if answer["unknown_attendees"] else answer

    starts = {slot["start"] for slot in wait_for(answer_once_read)["slots"]}
    assert {f"{monday}T10:30:00Z", f"{monday}T13:00:00Z"} <= starts
    assert not starts & {f"{monday}T10:45:00Z", f"{monday}T11:00:00Z", f"{monday}T12:45:00Z"}


def test_sigterm_lets_the_current_delivery_finish(service: Service, radicale: Radicale) -> None:
    account = radicale.new_account()
    ids = agree_on_mentorship(service)
    connect(service, ids["mentor"], account)
    with radicale.frozen():
        meeting = book_mondays(service, ids)
        wait_for(lambda: delivery(service, meeting)["state"] == "delivering")
        service.serving.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert service.serving.poll() is None
    assert service.serving.wait(30) == 0
    assert on_server(account, meeting["uid"])
    service.serve()
    assert delivery(service, meeting)["state"] == "delivered"
    assert delivery(service, meeting)["attempts"] <= 2  # the first at a new server is short


@pytest.mark.parametrize("seen", ["worker started", "serving"])
def test_sigterm_during_the_start_ends_the_service(tmp_path: Path, seen: str) -> None:
    service = Service(tmp_path)
    process = service.start_command("serve")
    wait_for(lambda: seen in service.log("serve"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    service.stop()


def test_separate_worker_delivers_and_stops_on_sigterm(service: Service, radicale: Radicale) -> None:
    ids = agree_on_mentorship(service)
    connect(service, ids["mentor"], radicale.new_account())
    with radicale.frozen():
        meeting = book_mondays(service, ids)
        worker = service.start("work")
        wait_for(lambda: "worker started" in service.log("work"))
    wait_for(lambda: is_delivered(service, meeting))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert "worker stopped" in service.log("work")
    assert delivery(service, meeting)["attempts"] == 1
