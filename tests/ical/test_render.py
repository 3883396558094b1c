import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
import recurring_ical_events
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from support.budget import examples

from scheduler.domain.programme.meetings import (
    Meeting,
    MeetingStatus,
    OverlapsOwnOccurrence,
    Party,
    cancel,
    cancel_occurrence,
    cancel_occurrences_from,
    mark_conflicts,
    move_occurrence,
    revise,
)
from scheduler.domain.programme.routing import Copy
from scheduler.domain.time.clocks import PlannedMove
from scheduler.domain.time.periods import Period
from scheduler.ical.render import Audience, View, render_feed, render_invite

MakeMeeting = Callable[..., Meeting]

ZONES = [
    "Africa/Accra", "Africa/Cairo", "Africa/Casablanca", "America/New_York", "America/Nuuk", "America/Santiago",
    "Antarctica/Troll", "Asia/Gaza", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Berlin", "Europe/Dublin",
    "Pacific/Apia", "Pacific/Chatham", "UTC",
]  # fmt: skip
NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)
LATER = datetime(2026, 9, 11, 12, tzinfo=UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def parsed(data: bytes) -> Calendar:
    """The one calendar in the data, in which nothing is broken."""
    calendar = Calendar.from_ical(data)
    assert isinstance(calendar, Calendar)
    assert all(not component.errors for component in calendar.walk())
    return calendar


def expanded(objects: Iterable[bytes]) -> list[Period]:
    """What an implementation that is not ours makes of the objects; cancelled events do not take place."""
    found = [
        event
        for data in objects
        for event in recurring_ical_events.of(parsed(data)).between((2020,), (2040,))
        if event["STATUS"] != "CANCELLED"
    ]
    return sorted(Period(event["DTSTART"].dt, event["DTEND"].dt) for event in found)


def invites(meeting: Meeting) -> list[bytes]:
    return [render_invite(meeting, uid) for uid in meeting.uids]


def unfolded(data: bytes) -> str:
    return data.decode().replace("\r\n ", "").replace("\r\n", "\n")


def lines_of(data: bytes, *names: str) -> list[str]:
    """The lines of these properties, those of time zones aside."""
    text = re.sub("BEGIN:VTIMEZONE.*END:VTIMEZONE", "", unfolded(data), flags=re.DOTALL)
    return [line for line in text.splitlines() if re.split("[;:]", line)[0] in names]


def descriptions(data: bytes) -> list[str]:
    return [str(event["DESCRIPTION"]) for event in parsed(data).walk("VEVENT")]


SMALL_INVITE = r"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Mentorship Scheduler//mentorship-scheduler//EN
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
SUMMARY:Mentoring with Ada
DTSTART;TZID=Europe/Berlin:20261006T143000
DTEND;TZID=Europe/Berlin:20261006T151500
DTSTAMP:20260902T090000Z
UID:0b1c2d3e@scheduler.example
SEQUENCE:0
RRULE:FREQ=WEEKLY;UNTIL=20261117T133000Z;INTERVAL=2;BYDAY=TU
EXDATE;TZID=Europe/Berlin:20261103T143000
ATTENDEE;CN="Ravi Rao";PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;RSVP=TRUE;SCHEDULE-AGENT=CLIENT
 :mailto:ravi@example.org
ATTENDEE;CN="Lee, Kim";PARTSTAT=NEEDS-ACTION;ROLE=OPT-PARTICIPANT;RSVP=TRUE;SCHEDULE-AGENT=CLIENT
 :mailto:kim@example.org
CONFERENCE;FEATURE=VIDEO;LABEL=Video meeting;VALUE=URI:https://meet.example.org/ada
CREATED:20260901T080000Z
DESCRIPTION:Goals:\n- Plan experiments\n- Publish a paper\n\n
 Local times:\nAda Obi (Europe/Berlin): Tue 14:30\n
 Ravi Rao (Asia/Kolkata): Tue 18:00\, from 2026-11-17 19:00\n
 Lee\, Kim (Asia/Tokyo): Tue 21:30\, from 2026-11-17 22:30
LAST-MODIFIED:20260902T090000Z
ORGANIZER;CN="Ada Obi":mailto:ada@example.org
STATUS:CONFIRMED
TRANSP:OPAQUE
URL:https://meet.example.org/ada
X-MENTORSHIP-STAMP:20260902T090000Z/1 times=58fb79c5 title=0e0661c7
  description=fa82cd48 status=e3b0c442 people=16cb62ee link=da28f93e
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Mentoring with Ada
TRIGGER:-PT15M
END:VALARM
END:VEVENT
BEGIN:VEVENT
SUMMARY:Mentoring with Ada
DTSTART;TZID=Europe/Berlin:20261022T100000
DTEND;TZID=Europe/Berlin:20261022T104500
DTSTAMP:20260902T090000Z
UID:0b1c2d3e@scheduler.example
RECURRENCE-ID;TZID=Europe/Berlin:20261020T143000
SEQUENCE:0
ATTENDEE;CN="Ravi Rao";PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;RSVP=TRUE;SCHEDULE-AGENT=CLIENT
 :mailto:ravi@example.org
ATTENDEE;CN="Lee, Kim";PARTSTAT=NEEDS-ACTION;ROLE=OPT-PARTICIPANT;RSVP=TRUE;SCHEDULE-AGENT=CLIENT
 :mailto:kim@example.org
CONFERENCE;FEATURE=VIDEO;LABEL=Video meeting;VALUE=URI:https://meet.example.org/ada
CREATED:20260901T080000Z
DESCRIPTION:Goals:\n- Plan experiments\n- Publish a paper\n\n
 Local times:\nAda Obi (Europe/Berlin): Thu 2026-10-22 10:00\n
 Ravi Rao (Asia/Kolkata): Thu 2026-10-22 13:30\n
 Lee\, Kim (Asia/Tokyo): Thu 2026-10-22 17:00
LAST-MODIFIED:20260902T090000Z
ORGANIZER;CN="Ada Obi":mailto:ada@example.org
STATUS:CONFIRMED
TRANSP:OPAQUE
URL:https://meet.example.org/ada
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Mentoring with Ada
TRIGGER:-PT15M
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def test_invite_text_in_full(make_meeting: MakeMeeting) -> None:
    """Four Tuesdays in Berlin: the second moved to Thursday morning, the third skipped."""
    moved = timedelta(days=1, hours=19, minutes=30)
    guests = (Party("Lee, Kim", "kim@example.org", "Asia/Tokyo"),)
    meeting = make_meeting(count=4, outcomes={1: moved, 2: None}, guests=guests)
    assert unfolded(render_invite(meeting, meeting.uid)) == SMALL_INVITE.replace("\n ", "")


def test_lines_end_with_crlf_and_hold_75_octets_at_most(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(title="Überlänge 👩🏽‍🏫 " * 20, goals=("目標 " * 50,))
    data = render_invite(meeting, meeting.uid)
    assert data.endswith(b"\r\n")
    lines = data.removesuffix(b"\r\n").split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert all(line.decode() and b"\n" not in line and b"\r" not in line for line in lines)


@st.composite
def booked_meetings(draw: st.DrawFn, make_meeting: MakeMeeting) -> Meeting:
    """Series at any time of day through both clock changes of a year, planned with moves and skips, then changed."""
    count = draw(st.integers(1, 12))
    first = wall("2026-01-01 00:00") + timedelta(days=draw(st.integers(0, 400)), minutes=15 * draw(st.integers(0, 95)))
    move = st.one_of(st.none(), st.integers(-6 * 96, 6 * 96).map(lambda quarters: timedelta(minutes=15 * quarters)))
    meeting = make_meeting(
        zone=draw(st.sampled_from(ZONES)),
        first=first,
        every_weeks=draw(st.integers(1, 8)),
        count=count,
        minutes=draw(st.sampled_from([15, 45, 60, 90, 180])),
        outcomes=draw(st.dictionaries(st.integers(0, count - 1), move, max_size=4)),
    )
    periods = sorted(meeting.busy)
    assume(all(not one.overlaps(next_) for one, next_ in pairwise(periods)))
    for place in draw(st.lists(st.integers(0, count - 1), max_size=3, unique=True)):
        meeting = changed_at(meeting, place, draw(move))
    in_conflict = draw(st.lists(st.sampled_from(meeting.occurrences), max_size=3))
    return mark_conflicts(meeting, {found.recurrence_id.wall: "exams" for found in in_conflict}, NOW)


def changed_at(meeting: Meeting, place: int, move: timedelta | None) -> Meeting:
    """The meeting with one occurrence cancelled (no move) or moved, if the domain lets it."""
    occurrence = meeting.occurrences[place]
    name = occurrence.recurrence_id.wall
    if meeting.status is MeetingStatus.CANCELLED or not occurrence.takes_place:
        return meeting
    if move is None:
        return cancel_occurrence(meeting, name, NOW)
    try:
        return move_occurrence(meeting, name, occurrence.recurrence_id.instant + move, NOW)
    except OverlapsOwnOccurrence:
        return meeting


@settings(max_examples=examples(250), deadline=None)
@given(st.data())
def test_objects_expand_to_the_meetings_periods(make_meeting: MakeMeeting, data: st.DataObject) -> None:
    meeting = data.draw(booked_meetings(make_meeting))
    assert expanded(invites(meeting)) == sorted(meeting.busy)
    assert expanded([render_feed("Ada", [View(meeting, Audience.FREE_BUSY)])]) == sorted(meeting.busy)


@pytest.mark.parametrize(
    ("zone", "first", "minutes", "what_happens"),
    [
        ("Europe/Berlin", wall("2026-03-15 02:30"), 45, "the third start does not exist"),
        ("Europe/Berlin", wall("2026-03-29 02:30"), 45, "the first start does not exist"),
        ("Europe/Berlin", wall("2026-03-29 01:30"), 90, "the first one spans the gap"),
        ("Europe/Berlin", wall("2026-10-18 02:30"), 45, "the second ends in the second pass of the hour"),
        ("Europe/Berlin", wall("2026-10-25 01:30"), 180, "the first one spans the repeated hour"),
        ("America/Santiago", wall("2026-08-30 00:15"), 30, "midnight does not exist"),
        ("Africa/Cairo", wall("2026-04-17 00:00"), 60, "midnight does not exist"),
        ("Australia/Lord_Howe", wall("2026-09-27 02:15"), 45, "half an hour does not exist"),
        ("Antarctica/Troll", wall("2026-03-22 01:00"), 60, "two hours do not exist"),
        ("America/Nuuk", wall("2026-03-21 23:30"), 60, "the last hour of the day does not exist"),
    ],
)
def test_occurrences_across_clock_changes_keep_their_instants(
    make_meeting: MakeMeeting, zone: str, first: datetime, minutes: int, what_happens: str
) -> None:
    meeting = make_meeting(zone=zone, first=first, minutes=minutes, every_weeks=1, count=5)
    assert expanded(invites(meeting)) == list(meeting.busy), what_happens


def test_series_with_clock_change_in_first_occurrence_has_duration(make_meeting: MakeMeeting) -> None:
    """Readers would take the bent length, two hours on the wall clock, for every other occurrence."""
    meeting = make_meeting(first=wall("2026-03-29 01:30"), minutes=60, every_weeks=1, count=2)
    data = render_invite(meeting, meeting.uid)
    assert lines_of(data, "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID") == [
        "DTSTART;TZID=Europe/Berlin:20260329T013000",
        "DURATION:PT1H",
        "DTSTART;TZID=Europe/Berlin:20260329T013000",
        "DTEND;TZID=Europe/Berlin:20260329T033000",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260329T013000",
    ]


def test_move_into_second_pass_of_repeated_hour_is_in_utc(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=1, first=wall("2026-10-24 14:00"))
    second_half_past_two = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    moved = move_occurrence(meeting, wall("2026-10-24 14:00"), second_half_past_two, NOW)
    data = render_invite(moved, moved.uid)
    assert lines_of(data, "DTSTART", "DTEND") == ["DTSTART:20261025T013000Z", "DTEND:20261025T021500Z"]
    assert "VTIMEZONE" not in data.decode()


def test_utc_zones_are_written_as_utc_and_others_by_name(make_meeting: MakeMeeting) -> None:
    starts = [
        lines_of(render_invite(make_meeting(zone=zone, count=2), "0b1c2d3e@scheduler.example"), "DTSTART")[-1]
        for zone in ("UTC", "Etc/UTC", "Africa/Accra", "Asia/Calcutta")
    ]
    assert starts == [
        "DTSTART:20261006T143000Z",
        "DTSTART:20261006T143000Z",
        "DTSTART;TZID=Africa/Accra:20261006T143000",
        "DTSTART;TZID=Asia/Calcutta:20261006T143000",
    ]


def test_occurrence_moved_past_its_neighbour_is_a_separate_event(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=3, every_weeks=1, outcomes={0: timedelta(days=8)})
    series, detached = meeting.uids
    assert lines_of(render_invite(meeting, series), "EXDATE", "RECURRENCE-ID") == [
        "EXDATE;TZID=Europe/Berlin:20261006T143000"
    ]
    assert lines_of(render_invite(meeting, detached), "UID", "DTSTART", "RRULE") == [
        "DTSTART;TZID=Europe/Berlin:20261014T143000",
        "UID:20261006T143000-0b1c2d3e@scheduler.example",
    ]


def test_cancelled_detached_occurrence_has_status_cancelled(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=3, every_weeks=1, outcomes={0: timedelta(days=8)})
    changed = cancel_occurrence(meeting, wall("2026-10-06 14:30"), NOW)
    series, detached = changed.uids
    assert lines_of(render_invite(changed, detached), "STATUS", "TRANSP", "ACTION") == [
        "STATUS:CANCELLED",
        "TRANSP:TRANSPARENT",
    ]
    assert lines_of(render_invite(changed, series), "STATUS") == ["STATUS:CONFIRMED"]


def test_single_meeting_has_no_recurrence_and_moves_its_dtstart(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=1)
    moved = move_occurrence(meeting, wall("2026-10-06 14:30"), datetime(2026, 10, 7, 8, tzinfo=UTC), NOW)
    data = render_invite(moved, moved.uid)
    assert lines_of(data, "DTSTART", "RRULE", "RECURRENCE-ID", "EXDATE", "SEQUENCE") == [
        "DTSTART;TZID=Europe/Berlin:20261007T100000",
        "SEQUENCE:1",
    ]
    assert "Ravi Rao (Asia/Kolkata): Wed 2026-10-07 13:30" in descriptions(data)[0]


def test_cancelled_series_keeps_its_dates_as_cancelled(make_meeting: MakeMeeting) -> None:
    meeting = cancel(make_meeting(count=4, outcomes={1: timedelta(days=1), 2: None}), NOW)
    data = render_invite(meeting, meeting.uid)
    assert lines_of(data, "STATUS", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "ACTION") == [
        "SEQUENCE:1",
        "EXDATE;TZID=Europe/Berlin:20261103T143000",
        "STATUS:CANCELLED",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261020T143000",
        "SEQUENCE:1",
        "STATUS:CANCELLED",
    ]
    assert expanded([data]) == []


def test_series_with_every_occurrence_cancelled_still_has_instances(make_meeting: MakeMeeting) -> None:
    meeting = cancel_occurrences_from(make_meeting(count=4), datetime(2026, 1, 1, tzinfo=UTC), NOW)
    data = render_invite(meeting, meeting.uid)
    assert lines_of(data, "EXDATE", "STATUS") == ["STATUS:CANCELLED"]
    assert len(recurring_ical_events.of(parsed(data)).between((2026,), (2027,))) == 4


def test_series_without_dates_is_one_cancelled_event(
    make_meeting: MakeMeeting,
) -> None:
    detached = make_meeting(count=2, every_weeks=1, outcomes={0: timedelta(days=8)})
    meeting = cancel_occurrence(detached, wall("2026-10-13 14:30"), NOW)
    data = render_invite(meeting, meeting.uid)
    assert lines_of(data, "RRULE", "EXDATE", "STATUS") == ["STATUS:CANCELLED"]
    assert expanded(invites(meeting)) == list(meeting.busy)


def test_uid_of_another_meeting_raises_key_error(make_meeting: MakeMeeting) -> None:
    with pytest.raises(KeyError):
        render_invite(make_meeting(), "someone-elses")


def test_master_and_overrides_share_sequence_and_last_modified(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(outcomes={1: timedelta(days=1)})
    meeting = move_occurrence(meeting, wall("2026-11-03 14:30"), datetime(2026, 11, 4, 8, tzinfo=UTC), NOW)
    meeting = revise(meeting, LATER, title="Another title")
    data = render_invite(meeting, meeting.uid)
    assert set(lines_of(data, "SEQUENCE")) == {"SEQUENCE:1"}
    assert set(lines_of(data, "DTSTAMP", "LAST-MODIFIED", "CREATED")) == {
        "CREATED:20260901T080000Z",
        "DTSTAMP:20260911T120000Z",
        "LAST-MODIFIED:20260911T120000Z",
    }


def test_description_lists_each_persons_local_times_with_shifts(make_meeting: MakeMeeting) -> None:
    """Late in Los Angeles is another day in Auckland, and between their clock changes the day itself shifts."""
    meeting = make_meeting(
        zone="America/Los_Angeles",
        first=wall("2026-09-22 04:30"),
        every_weeks=1,
        count=8,
        outcomes={2: timedelta(days=1)},
        organizer=Party("Ann", "ann@example.org", "America/Los_Angeles"),
        attendee=Party("Ben", "ben@example.org", "Pacific/Auckland"),
    )
    described = descriptions(render_invite(meeting, meeting.uid))
    assert described[0].split("\n\n")[1].splitlines() == [
        "Local times:",
        "Ann (America/Los_Angeles): Tue 04:30",
        "Ben (Pacific/Auckland): Tue 23:30, from 2026-09-30 Wed 00:30, from 2026-11-04 01:30",
    ]
    assert described[1].split("\n\n")[1].splitlines() == [
        "Local times:",
        "Ann (America/Los_Angeles): Wed 2026-10-07 04:30",
        "Ben (Pacific/Auckland): Thu 2026-10-08 00:30",
    ]


def test_description_names_the_zone_of_a_traveller(make_meeting: MakeMeeting) -> None:
    """In November Berlin is at UTC+1, Tokyo at UTC+9 and New York at UTC-5."""
    trip = PlannedMove(date(2026, 11, 9), date(2026, 11, 22), "Asia/Tokyo")
    meeting = make_meeting(
        zone="Europe/Berlin",
        first=wall("2026-11-03 14:30"),
        every_weeks=1,
        count=5,
        outcomes={2: timedelta(days=1)},
        organizer=Party("Ada", "ada@example.org", "Europe/Berlin", (trip,)),
        attendee=Party(
            "Ben",
            "ben@example.org",
            "Asia/Tokyo",
            (PlannedMove(date(2026, 11, 1), date(2026, 11, 3), "America/New_York"),),
        ),
    )
    described = descriptions(render_invite(meeting, meeting.uid))
    assert described[0].split("\n\n")[1].splitlines() == [
        "Local times:",
        "Ada (Europe/Berlin): Tue 14:30, from 2026-11-10 22:30 in Asia/Tokyo, from 2026-11-24 14:30 in Europe/Berlin",
        "Ben (Asia/Tokyo): Tue 08:30 in America/New_York, from 2026-11-10 22:30 in Asia/Tokyo",
    ]
    assert described[1].split("\n\n")[1].splitlines() == [
        "Local times:",
        "Ada (Asia/Tokyo): Wed 2026-11-18 22:30",
        "Ben (Asia/Tokyo): Wed 2026-11-18 22:30",
    ]


def test_erased_person_is_an_invalid_address(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(attendee=Party("Ravi Rao", None, "Asia/Kolkata"))
    text = unfolded(render_invite(meeting, meeting.uid))
    (line,) = lines_of(render_invite(meeting, meeting.uid), "ATTENDEE")
    assert line.endswith(":invalid:nomail")
    assert "CN=" not in line
    assert "Ravi" not in text
    assert "Kolkata" not in text


SECOND = wall("2026-10-20 14:30")
"""The second of six Tuesdays in Berlin, two weeks apart."""


def in_conflict(meeting: Meeting, *walls: datetime) -> Meeting:
    return mark_conflicts(meeting, dict.fromkeys(walls or [SECOND], "exams, a holiday"), NOW)


def test_occurrence_in_conflict_is_a_tentative_override_that_says_why(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    before, data = render_invite(meeting, meeting.uid), render_invite(in_conflict(meeting), meeting.uid)
    assert lines_of(data, "DTSTART", "RECURRENCE-ID", "SEQUENCE", "STATUS", "TRANSP", "TRIGGER")[5:] == [
        "DTSTART;TZID=Europe/Berlin:20261020T143000",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261020T143000",
        "SEQUENCE:0",
        "STATUS:TENTATIVE",
        "TRANSP:OPAQUE",
        "TRIGGER:-PT15M",
    ]
    series, override = descriptions(data)
    assert [series] == descriptions(before)
    assert override.splitlines()[:3] == ["To be moved: exams, a holiday", "", "Goals:"]
    assert "Ravi Rao (Asia/Kolkata): Tue 2026-10-20 18:00" in override
    ended = mark_conflicts(in_conflict(meeting), {SECOND: None}, LATER)
    assert lines_of(render_invite(ended, ended.uid), "RECURRENCE-ID", "STATUS") == ["STATUS:CONFIRMED"]


def test_series_names_the_clock_change_at_an_occurrence_in_conflict(make_meeting: MakeMeeting) -> None:
    """It takes place then until it is moved; to leave it out would say that it is still at the old hour."""
    meeting = in_conflict(make_meeting(), wall("2026-11-03 14:30"))
    series, override = descriptions(render_invite(meeting, meeting.uid))
    assert "Ravi Rao (Asia/Kolkata): Tue 18:00, from 2026-11-03 19:00" in series
    assert "Ravi Rao (Asia/Kolkata): Tue 2026-11-03 19:00" in override


def test_single_and_moved_and_detached_occurrences_in_conflict_are_tentative(make_meeting: MakeMeeting) -> None:
    first = wall("2026-10-06 14:30")
    single = in_conflict(make_meeting(count=1), first)
    moved = in_conflict(make_meeting(outcomes={1: timedelta(days=1)}))
    detached = in_conflict(make_meeting(count=3, every_weeks=1, outcomes={0: timedelta(days=8)}), first)
    for meeting, tentative in ((single, [1]), (moved, [0, 1]), (detached, [0, 1])):
        events = [event for data in invites(meeting) for event in parsed(data).walk("VEVENT")]
        assert [event["STATUS"] == "TENTATIVE" for event in events] == list(map(bool, tentative))
        assert [str(event["DESCRIPTION"]).startswith("To be moved: ") for event in events] == list(map(bool, tentative))
        assert expanded(invites(meeting)) == sorted(meeting.busy)


def test_conflict_without_goals_and_addresses_is_the_whole_description(make_meeting: MakeMeeting) -> None:
    erased = Party("", None, "UTC")
    meeting = in_conflict(make_meeting(goals=(), organizer=erased, attendee=erased))
    (described,) = [str(event["DESCRIPTION"]) for event in parsed(invites(meeting)[0]).events if "DESCRIPTION" in event]
    assert described == "To be moved: exams, a holiday"


def test_what_does_not_take_place_is_not_to_be_moved(make_meeting: MakeMeeting) -> None:
    meeting = in_conflict(make_meeting())
    skipped = make_meeting(outcomes={1: None})
    for gone in (cancel(meeting, NOW), cancel_occurrence(meeting, SECOND, NOW), in_conflict(skipped)):
        text = unfolded(render_invite(gone, gone.uid)) + unfolded(render_feed("Ada", [View(gone, Audience.DETAILS)]))
        assert "TENTATIVE" not in text
        assert "To be moved" not in text


def test_guest_and_free_busy_feeds_show_a_conflict(make_meeting: MakeMeeting) -> None:
    meeting = in_conflict(make_meeting())
    guests, busy = (render_feed("Kim", [View(meeting, audience)]) for audience in (Audience.GUEST, Audience.FREE_BUSY))
    assert [found.split("\n")[0] for found in descriptions(guests)] == ["Local times:", "To be moved: exams, a holiday"]
    assert lines_of(busy, "STATUS", "TRANSP", "DESCRIPTION") == [
        "STATUS:CONFIRMED", "TRANSP:OPAQUE", "STATUS:TENTATIVE", "TRANSP:OPAQUE",
    ]  # fmt: skip
    assert expanded([busy]) == sorted(meeting.busy)


def test_guest_sees_everything_but_the_goals(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(outcomes={1: timedelta(days=1)})
    text = unfolded(render_feed("Kim", [View(meeting, Audience.GUEST)]))
    assert "Goals" not in text
    assert "Publish" not in text
    assert text.count("Local times") == 2
    assert text.count("ORGANIZER") == 2


def test_free_busy_feed_shows_times_only(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(outcomes={1: timedelta(days=1), 2: None})
    data = render_feed("Busy times", [View(meeting, Audience.FREE_BUSY)])
    names = {name for event in parsed(data).walk("VEVENT") for name in event}
    assert names == {
        "SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "UID", "RECURRENCE-ID", "SEQUENCE", "RRULE", "EXDATE", "CLASS",
        "CREATED", "LAST-MODIFIED", "STATUS", "TRANSP",
    }  # fmt: skip
    assert set(lines_of(data, "SUMMARY")) == {"SUMMARY:Busy"}


def test_feed_has_name_and_refresh_interval(make_meeting: MakeMeeting) -> None:
    data = render_feed("Ada's mentoring; all", [View(make_meeting(), Audience.DETAILS)])
    assert unfolded(data).split("BEGIN:VTIMEZONE")[0] == (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Mentorship Scheduler//mentorship-scheduler//EN\n"
        "NAME:Ada's mentoring\\; all\nX-WR-CALNAME:Ada's mentoring\\; all\n"
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H\nX-PUBLISHED-TTL:PT1H\n"
    )
    assert "VALARM" not in data.decode()


def test_feed_mixes_audiences_with_each_zone_once_and_cancelled_meetings(
    make_meeting: MakeMeeting,
) -> None:
    entries = [
        View(make_meeting(uid="one"), Audience.DETAILS),
        View(make_meeting(uid="two", first=wall("2027-10-05 09:00")), Audience.GUEST),
        View(cancel(make_meeting(uid="three", zone="Asia/Tokyo"), NOW), Audience.DETAILS),
    ]
    calendar = parsed(render_feed("Ada", entries))
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Asia/Tokyo", "Europe/Berlin"]
    assert [
        (str(event["UID"]), "Goals" in str(event["DESCRIPTION"]), event["STATUS"]) for event in calendar.events
    ] == [
        ("one", True, "CONFIRMED"),
        ("two", False, "CONFIRMED"),
        ("three", True, "CANCELLED"),
    ]


def test_feed_without_meetings_is_a_calendar() -> None:
    assert str(parsed(render_feed("Ada", []))["NAME"]) == "Ada"


CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\s]+")
ANY_TEXT = st.text(st.characters(), max_size=120)
NASTY = 'a\r\nATTENDEE:mailto:x@y\nEND:VEVENT\rBEGIN:VEVENT\u2028";:,\\N\\n^n\x00\ud800\\'


def told(text: str) -> str:
    """The words of a text, controls and space aside."""
    return CONTROLS.sub("", text)


@settings(max_examples=examples(200), deadline=None)
@given(title=ANY_TEXT, name=ANY_TEXT, goal=ANY_TEXT, email=ANY_TEXT, url=ANY_TEXT)
@example(title=NASTY, name=NASTY, goal=NASTY, email=NASTY, url=NASTY)
@example(title="\\", name="\\", goal="\\", email="\\", url="\\")
def test_no_value_breaks_the_text_or_adds_a_line(
    make_meeting: MakeMeeting, title: str, name: str, goal: str, email: str, url: str
) -> None:
    party = Party(name, email, "Asia/Kolkata")
    meeting = make_meeting(
        count=2, title=title, goals=(goal,), organizer=party, attendee=party, guests=(party,), conference_url=url
    )
    for data in (render_invite(meeting, meeting.uid), render_feed(name, [View(meeting, Audience.DETAILS)])):
        calendar = parsed(data)
        (event,) = calendar.events
        assert told(str(event["SUMMARY"])) == (told(title) or "Meeting")
        assert told(goal) in told(str(event["DESCRIPTION"]))
        assert [address.params["ROLE"] for address in event.attendees] == ["REQ-PARTICIPANT", "OPT-PARTICIPANT"]
        assert str(event["ORGANIZER"]).startswith("mailto:")
        # One line for each property, the same ones whatever the values are.
        assert {line.split(":")[0].split(";")[0] for line in data.decode().replace("\r\n ", "").split("\r\n")} <= {
            *event, *calendar, "BEGIN", "END", "TZID", "TZNAME", "TZOFFSETFROM", "TZOFFSETTO", "ACTION", "TRIGGER", "",
        }  # fmt: skip


def test_bytes_are_the_same_in_every_process(make_meeting: MakeMeeting) -> None:
    program = (
        "import sys, pickle\n"
        "from scheduler.ical.render import *\n"
        "entries = pickle.loads(sys.stdin.buffer.read())\n"
        "sys.stdout.buffer.write(render_feed('Ada', entries))\n"
    )
    entries = [
        View(make_meeting(uid=f"{zone}{place}", zone=zone, outcomes={1: timedelta(days=1), 2: None}), audience)
        for place, audience in enumerate(Audience)
        for zone in ("Europe/Berlin", "Africa/Casablanca", "America/Santiago")
    ]
    here = render_feed("Ada", entries)
    assert render_feed("Ada", [replace(entry) for entry in entries]) == here
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", program],
            input=pickle.dumps(entries),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        assert there.stdout == here


def test_schedule_agent_is_client_for_servers_and_absent_in_feeds(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=3, guests=(Party("Kim", "kim@example.org", "Asia/Tokyo"),))
    invite, feed = invites(meeting)[0], render_feed("Mentoring", [View(meeting, Audience.DETAILS)])
    assert unfolded(invite).count("SCHEDULE-AGENT=CLIENT") == 2
    assert "SCHEDULE-AGENT" not in unfolded(feed)


@pytest.mark.parametrize(
    ("copy", "organizer", "attendee", "guest", "goals"),
    [
        (Copy(), "SERVER", "CLIENT", "CLIENT", True),
        (Copy(auto_schedule=True), "SERVER", "CLIENT", "SERVER", False),
        (Copy(auto_schedule=True, reaches_attendee=False), "SERVER", "SERVER", "SERVER", False),
        (Copy(reaches_attendee=False), "SERVER", "CLIENT", "CLIENT", True),
        (Copy(is_organizers=False), "CLIENT", "CLIENT", "CLIENT", True),
        (Copy(is_organizers=False, auto_schedule=True), None, None, None, True),
    ],
)
def test_server_invites_unreached_people_without_goals(
    make_meeting: MakeMeeting, copy: Copy, organizer: str, attendee: str, guest: str, goals: bool
) -> None:
    meeting = make_meeting(outcomes={1: timedelta(days=1)}, guests=(Party("Kim", "kim@example.org", "Asia/Tokyo"),))
    data = render_invite(meeting, meeting.uid, copy)
    for event in parsed(data).walk("VEVENT"):
        people = [event.get("ORGANIZER"), *event.get("ATTENDEE", [None, None])]
        agents = [person and person.params.get("SCHEDULE-AGENT", "SERVER") for person in people]
        assert agents == [organizer, attendee, guest]
    assert ("Publish a paper" in unfolded(data)) is goals


def test_goals_are_included_without_guests(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    assert "Publish a paper" in unfolded(render_invite(meeting, meeting.uid, Copy(auto_schedule=True)))


def test_only_invites_carry_a_version_stamp(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(outcomes={1: timedelta(days=1)})
    assert unfolded(render_invite(meeting, meeting.uid)).count("X-MENTORSHIP-STAMP:20260902T090000Z/1 ") == 1
    assert "X-MENTORSHIP" not in unfolded(render_feed("Ada", [View(meeting, Audience.DETAILS)]))
