"""An occurrence that somebody can't come to any more, as calendars on real servers show it from beginning to end."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest
from support.delivering import Delivering, tuesday

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.programme.mentorships import WhenBlocked
from scheduler.services.blackouts import BlackoutFields, create_blackout, delete_blackout
from scheduler.services.conflicts import Decision, resolve_conflict
from scheduler.services.meetings import cancel_meeting
from scheduler.services.mentorships import update_mentorship

SECOND = tuesday(1)
NEXT_DAY = datetime(2026, 10, 14, 9, tzinfo=UTC)


def declare_exams(delivering: Delivering, day: int = 13) -> str:
    """The mentee's exams on a day of October, delivered; the blackout's id."""
    programme, on = delivering.programme, date(2026, 10, day)
    exams = BlackoutFields(BlackoutKind.EXAM, "Finals in Botany", first_day=on, last_day=on)
    stored, _ = create_blackout(programme.context, programme.id, programme.mentee.id, exams)
    assert delivering.deliver().state == "delivered"
    return stored.id


def withdraw(delivering: Delivering, blackout: str) -> None:
    programme = delivering.programme
    delete_blackout(programme.context, programme.id, programme.mentee.id, blackout)
    assert delivering.deliver().state == "delivered"


def decide(delivering: Delivering, decision: Decision, start: datetime | None = None) -> None:
    programme = delivering.programme
    resolve_conflict(programme.context, programme.id, delivering.meeting_id, SECOND, decision, start, may_overrule=True)
    assert delivering.deliver().state == "delivered"


def act(delivering: Delivering, when_blocked: WhenBlocked) -> None:
    programme = delivering.programme
    update_mentorship(programme.context, programme.id, programme.mentorship.id, {"when_blocked": when_blocked})


def statuses(delivering: Delivering, uid: str) -> list[str]:
    """STATUS of the series, then of its overrides."""
    return [str(event["STATUS"]) for event in delivering.app.events(uid)]


def sequences(delivering: Delivering, uid: str) -> set[int]:
    return {int(event["SEQUENCE"]) for event in delivering.app.events(uid)}


def unstamped(text: str) -> list[str]:
    """The lines of an object, those that say when and as which version it was written aside."""
    return sorted(re.sub("(DTSTAMP|LAST-MODIFIED|X-MENTORSHIP-STAMP):.*\n", "", text).split("\n"))


def promised(delivering: Delivering) -> list[Any]:
    return sorted(delivering.meeting.meeting.busy)


def test_open_conflict_is_a_tentative_override_until_its_cause_is_gone(delivering: Delivering) -> None:
    uid = delivering.book()
    before, shown = delivering.app.text(uid), delivering.app.shown()
    exams = declare_exams(delivering)
    series, override = delivering.app.events(uid)
    assert statuses(delivering, uid) == ["CONFIRMED", "TENTATIVE"]
    assert str(override["DESCRIPTION"]).startswith("To be moved: exams\n\n")
    assert "To be moved" not in series["DESCRIPTION"]
    assert "Botany" not in delivering.app.text(uid)
    assert [alarm["TRIGGER"].dt for alarm in override.walk("VALARM")] == [timedelta(minutes=-15)]
    assert override["TRANSP"] == "OPAQUE"
    assert (delivering.app.shown(), sequences(delivering, uid)) == (shown, {0})
    withdraw(delivering, exams)
    assert unstamped(delivering.app.text(uid)) == unstamped(before)
    assert delivering.row.reason is None


@pytest.mark.parametrize(
    ("decision", "start", "shown_as", "sequence"),
    [
        (Decision.MOVE, NEXT_DAY, ["CONFIRMED", "CONFIRMED"], 1),
        (Decision.SKIP, None, ["CONFIRMED"], 1),
        (Decision.KEEP, None, ["CONFIRMED"], 0),
    ],
)
def test_decision_ends_the_conflict_in_the_calendar(
    delivering: Delivering, decision: Decision, start: datetime | None, shown_as: list[str], sequence: int
) -> None:
    uid = delivering.book()
    declare_exams(delivering)
    decide(delivering, decision, start)
    assert (statuses(delivering, uid), sequences(delivering, uid)) == (shown_as, {sequence})
    assert delivering.app.shown() == promised(delivering)
    assert ("EXDATE" in delivering.app.text(uid)) is (decision is Decision.SKIP)
    assert "To be moved" not in delivering.app.text(uid)
    assert delivering.row.reason is None


@pytest.mark.parametrize(("decision", "start"), [(Decision.MOVE, NEXT_DAY), (Decision.SKIP, None)])
def test_restored_occurrence_is_where_it_was(
    delivering: Delivering, decision: Decision, start: datetime | None
) -> None:
    uid = delivering.book()
    before, shown = delivering.app.text(uid), delivering.app.shown()
    exams = declare_exams(delivering)
    decide(delivering, decision, start)
    withdraw(delivering, exams)
    assert delivering.app.shown() != shown
    decide(delivering, Decision.RESTORE)
    after = delivering.app.text(uid)
    assert (delivering.app.shown(), sequences(delivering, uid)) == (shown, {2})
    assert unstamped(after.replace("SEQUENCE:2", "SEQUENCE:0")) == unstamped(before)


@pytest.mark.parametrize(
    ("when_blocked", "events", "exdates"), [(WhenBlocked.MOVE, 2, 0), (WhenBlocked.SKIP, 1, 1)], ids=["move", "skip"]
)
def test_withdrawn_exams_leave_the_calendar_as_it_was(
    delivering: Delivering, when_blocked: WhenBlocked, events: int, exdates: int
) -> None:
    uid = delivering.book()
    act(delivering, when_blocked)
    delivering.deliver()
    before, shown = delivering.app.text(uid), delivering.app.shown()
    exams = declare_exams(delivering)
    assert (len(delivering.app.events(uid)), delivering.app.text(uid).count("EXDATE")) == (events, exdates)
    assert "TENTATIVE" not in delivering.app.text(uid)
    assert (delivering.app.shown(), sequences(delivering, uid)) == (promised(delivering), {1})
    assert delivering.app.shown() != shown
    withdraw(delivering, exams)
    assert (delivering.app.shown(), sequences(delivering, uid)) == (shown, {2})
    assert unstamped(delivering.app.text(uid).replace("SEQUENCE:2", "SEQUENCE:0")) == unstamped(before)


def test_cancelled_meeting_is_not_tentative(delivering: Delivering) -> None:
    uid = delivering.book()
    declare_exams(delivering)
    programme = delivering.programme
    cancel_meeting(programme.context, programme.id, delivering.meeting_id)
    assert delivering.deliver().state == "delivered"
    assert set(statuses(delivering, uid)) == {"CANCELLED"}
    assert "To be moved" not in delivering.app.text(uid)
    assert delivering.app.shown() == []


def colour_and_ring(events: list[Any]) -> None:
    """The owner accepts, colours and rings the last of the events in their own way."""
    events[-1].add("COLOR", "turquoise")
    events[-1].add("CATEGORIES", ["Mentoring"])
    events[-1]["ATTENDEE"].params["PARTSTAT"] = "ACCEPTED"
    for alarm in events[-1].walk("VALARM"):
        alarm["TRIGGER"] = icalendar.vDDDTypes(timedelta(hours=-2))


def assert_is_theirs(event: Any) -> None:
    assert (str(event["COLOR"]), event["CATEGORIES"].to_ical()) == ("turquoise", b"Mentoring")
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert [alarm["TRIGGER"].dt for alarm in event.walk("VALARM")] == [timedelta(hours=-2)]


def test_override_opens_and_ends_as_its_owner_has_the_series(delivering: Delivering) -> None:
    uid = delivering.book()
    delivering.app.edit(uid, colour_and_ring)
    exams = declare_exams(delivering)
    for event in delivering.app.events(uid):
        assert_is_theirs(event)
    withdraw(delivering, exams)
    (series,) = delivering.app.events(uid)
    assert_is_theirs(series)
    assert (delivering.row.reason, sequences(delivering, uid)) == (None, {0})


@pytest.mark.parametrize(
    "end",
    [withdraw, lambda delivering, _: decide(delivering, Decision.KEEP)],
    ids=["lapsed", "kept"],
)
def test_what_the_owner_changed_on_the_tentative_occurrence_outlives_the_conflict(
    delivering: Delivering, end: Callable[[Delivering, str], None]
) -> None:
    uid = delivering.book()
    exams = declare_exams(delivering)
    delivering.app.edit(uid, colour_and_ring)
    end(delivering, exams)
    assert statuses(delivering, uid) == ["CONFIRMED", "CONFIRMED"]
    _, override = delivering.app.events(uid)
    assert_is_theirs(override)
    assert "To be moved" not in override["DESCRIPTION"]
    declare_exams(delivering)
    assert statuses(delivering, uid) == ["CONFIRMED", "TENTATIVE"]
    assert_is_theirs(delivering.app.events(uid)[1])
    assert (delivering.app.shown(), sequences(delivering, uid)) == (promised(delivering), {0})
    assert delivering.row.reason is None
