"""Merging what we mean with what a calendar holds: ours is put right, what is its owner's stays."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.calendars import event_object

from scheduler.domain.programme.meetings import (
    Meeting,
    Party,
    cancel,
    cancel_occurrence,
    mark_conflicts,
    move_occurrence,
    revise,
)
from scheduler.domain.programme.routing import Copy
from scheduler.ical.bounds import TooLarge
from scheduler.ical.lines import NotOneCalendar, read_block, write_block
from scheduler.ical.merge import merge
from scheduler.ical.ownership import describe_restored
from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.render import render_invite

MakeMeeting = Callable[..., Meeting]
Changed = Callable[[Meeting], Meeting]

NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)
ZONE = ["BEGIN:VTIMEZONE", "TZID:Own", "BEGIN:STANDARD", "DTSTART:20000101T000000", "TZOFFSETFROM:+0100"]
ZONE += ["TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE"]
SECOND = datetime(2026, 10, 20, 14, 30)
MOVED = {1: timedelta(days=1)}


def text_of(data: bytes) -> str:
    return data.decode().replace("\r\n ", "").replace("\r\n", "\n")


def bytes_of(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def invite(meeting: Meeting, copy: Copy | None = None) -> bytes:
    return render_invite(meeting, meeting.uid, copy or Copy())


def retitled(meeting: Meeting, title: str = "New title") -> Meeting:
    return revise(meeting, NOW, title=title)


def merged(meeting: Meeting, held: str, copy: Copy | None = None) -> str:
    """What comes of the meeting and the text held; merging once more comes to the same."""
    first = merge(invite(meeting, copy), bytes_of(held))
    again = merge(invite(meeting, copy), first.data)
    assert not again.differs
    assert again.data == first.data
    return text_of(first.data)


def events(text: str) -> list[str]:
    return re.findall("BEGIN:VEVENT\n.*?END:VEVENT\n", text, re.DOTALL)


def with_lines(text: str, *lines: str) -> str:
    """The text with these lines at the end of every event."""
    return text.replace("END:VEVENT", "\n".join((*lines, "END:VEVENT")))


KEPT = [
    "CATEGORIES:Science,Mentoring",
    "CLASS:PRIVATE",
    "COLOR:turquoise",
    "COMMENT:See you",
    "COMMENT:And again",
    "GEO:52.5;13.4",
    "LOCATION:Room 4",
    "PRIORITY:1",
    "ATTACH;FMTTYPE=text/plain:https://example.org/notes.txt",
    "X-MOZ-GENERATION:3",
    'X-ODD;X-P="a;b:c",d:any\\thing, at all; even "quotes"',
    "X-EMPTY:",
    "BEGIN:VALARM\nACTION:AUDIO\nTRIGGER;VALUE=DATE-TIME:20261006T120000Z\nX-WR-ALARMUID:1\nEND:VALARM",
    "BEGIN:PARTICIPANT\nUID:1\nPARTICIPANT-TYPE:SPEAKER\nEND:PARTICIPANT",
]


@pytest.mark.parametrize("line", KEPT)
def test_foreign_properties_stay_in_master_and_overrides(make_meeting: MakeMeeting, line: str) -> None:
    meeting = make_meeting(outcomes=MOVED)
    held = with_lines(text_of(invite(meeting)), line)
    for changed in (retitled(meeting), move_occurrence(meeting, SECOND, datetime(2026, 10, 22, 9, tzinfo=UTC), NOW)):
        found = events(merged(changed, held))
        assert len(found) == 2
        assert all(line in event for event in found)


ANSWERS = [
    ("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED"),
    ("PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;RSVP=TRUE", "PARTSTAT=DECLINED;ROLE=REQ-PARTICIPANT"),
    ("RSVP=TRUE", 'RSVP=TRUE;SCHEDULE-STATUS="2.0;Success"'),
    ("RSVP=TRUE", "RSVP=TRUE;X-NUM-GUESTS=0"),
    ("RSVP=TRUE", 'DELEGATED-TO="mailto:dee@example.org";RSVP=TRUE'),
]


@pytest.mark.parametrize(("asked", "answered"), ANSWERS)
def test_participation_status_stays(make_meeting: MakeMeeting, asked: str, answered: str) -> None:
    meeting = make_meeting(outcomes=MOVED)
    held = text_of(invite(meeting)).replace(asked, answered)
    parameters = set(re.findall(r"[A-Z-]+=(?:\"[^\"]*\"|[^;:]*)", answered)) - {"ROLE=REQ-PARTICIPANT"}
    for event in events(merged(retitled(meeting), held)):
        (line,) = re.findall("ATTENDEE.*", event)
        assert parameters <= set(re.findall(r"[A-Z-]+=(?:\"[^\"]*\"|[^;:]*)", line))


@pytest.mark.parametrize(
    "line",
    [
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.org",
        'ATTENDEE;DELEGATED-FROM="mailto:ravi@example.org":mailto:dee@example.org',
    ],
    ids=["the organizer, whom apps add", "a delegate"],
)
def test_delegates_and_organizer_stay_as_attendees(make_meeting: MakeMeeting, line: str) -> None:
    meeting = make_meeting(count=1)
    held = with_lines(text_of(invite(meeting)), line)
    assert line in merged(retitled(meeting), held)
    assert merge(invite(meeting), bytes_of(held)).differs is False


PUT_RIGHT = [
    ("a start", "DTSTART;TZID=Europe/Berlin:20261006T143000", "DTSTART;TZID=Europe/Berlin:20261006T140000", "the time"),
    ("an end", "DTEND;TZID=Europe/Berlin:20261006T151500", "DTEND;TZID=Europe/Berlin:20261006T160000", "the time"),
    ("an end before the start", ":20261006T151500", ":20261006T121500", "the time"),
    ("a zone", "DTSTART;TZID=Europe/Berlin:20261006T143000", "DTSTART:20261006T123000Z", "the time"),
    ("no end of the series", ";UNTIL=20261215T133000Z", "", "the time"),
    ("no rule", "RRULE:FREQ=WEEKLY;UNTIL=20261215T133000Z;INTERVAL=2;BYDAY=TU\n", "", "the time"),
    ("a date taken out", "RRULE", "EXDATE;TZID=Europe/Berlin:20261103T143000\nRRULE", "the time"),
    ("a date added", "RRULE", "RDATE;TZID=Europe/Berlin:20261104T143000\nRRULE", "the time"),
    ("the title", "SUMMARY:Mentoring with Ada", "SUMMARY:Coffee", "the title"),
    ("no title", "SUMMARY:Mentoring with Ada\n", "", "the title"),
    ("the description", "DESCRIPTION:Goals", "DESCRIPTION:Many goals", "the description"),
    ("the status", "STATUS:CONFIRMED", "STATUS:TENTATIVE", "the status"),
    ("a cancellation", "STATUS:CONFIRMED", "STATUS:CANCELLED", "the status"),
    ("free", "TRANSP:OPAQUE", "TRANSP:TRANSPARENT", "the status"),
    ("somebody", "SEQUENCE", "ATTENDEE:mailto:uncle@example.org\nSEQUENCE", "the list of people"),
    ("another organizer", "mailto:ada@", "mailto:eve@", "the list of people"),
    ("the link", "URL:https://meet.example.org/ada", "URL:https://spam.example.org", "the link"),
]


@pytest.mark.parametrize(("old", "new", "part"), [row[1:] for row in PUT_RIGHT], ids=[row[0] for row in PUT_RIGHT])
@pytest.mark.parametrize("change", [lambda meeting: meeting, lambda meeting: revise(meeting, NOW)], ids=["", "new"])
def test_changed_own_properties_are_restored_and_named(
    make_meeting: MakeMeeting, change: Changed, old: str, new: str, part: str
) -> None:
    meeting = make_meeting()
    held = text_of(invite(meeting)).replace(old, new)
    ours = change(meeting)
    result = merge(invite(ours), bytes_of(held))
    assert result.differs
    assert describe_restored(result.restored) == f"{part} had been changed in the calendar; it was put back"
    sequence = "SEQUENCE:1" if part == "the time" or "CANCELLED" in new else "SEQUENCE:0"
    put_back = re.sub("SEQUENCE:.*", "SEQUENCE:0", merged(ours, held))
    assert sorted(put_back.split("\n")) == sorted(text_of(invite(ours)).split("\n"))
    assert sequence in merged(ours, held)


SAME = [
    ("upper case", "mailto:ravi@example.org", "MAILTO:Ravi@example.org"),
    (
        "a rule in another order",
        "FREQ=WEEKLY;UNTIL=20261215T133000Z;INTERVAL=2",
        "INTERVAL=2;FREQ=WEEKLY;UNTIL=20261215T133000Z",
    ),
    ("defaults left out", "STATUS:CONFIRMED\nTRANSP:OPAQUE\n", ""),
    ("defaults of parameters left out", "PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;", ""),
    ("escapes", "SUMMARY:Mentoring with Ada", "SUMMARY:Mentoring\\ with Ada"),
    ("quotes", 'CN="Ravi Rao"', "CN=Ravi Rao"),
    ("another time of writing", "DTSTAMP:20260902T090000Z", "DTSTAMP:20270902T090000Z"),
    ("another way to say a length", "TRIGGER:-PT15M", "TRIGGER:-P0DT0H15M0S"),
]


@pytest.mark.parametrize(("old", "new"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_rewriting_by_a_server_is_no_difference(make_meeting: MakeMeeting, old: str, new: str) -> None:
    meeting = make_meeting()
    held = text_of(invite(meeting)).replace(old, new)
    assert held != text_of(invite(meeting))
    result = merge(invite(meeting), bytes_of(held))
    assert (result.differs, result.restored) == (False, ())


def test_new_override_starts_with_the_owners_properties(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = (
        with_lines(text_of(invite(meeting)), "COLOR:red").replace("-PT15M", "-PT1H").replace("NEEDS-ACTION", "ACCEPTED")
    )
    moved = move_occurrence(meeting, SECOND, datetime(2026, 10, 21, 9, tzinfo=UTC), NOW)
    series, override = events(merged(moved, held))
    for kept in ("COLOR:red", "TRIGGER:-PT1H", "PARTSTAT=ACCEPTED"):
        assert kept in series
        assert kept in override
    assert "-PT15M" not in series + override


def test_override_is_matched_in_any_zone(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(outcomes=MOVED)
    held = with_lines(text_of(invite(meeting)), "COLOR:red")
    held = held.replace("RECURRENCE-ID;TZID=Europe/Berlin:20261020T143000", "RECURRENCE-ID:20261020T123000Z")
    _, override = events(merged(retitled(meeting), held))
    assert "COLOR:red" in override
    assert "RECURRENCE-ID;TZID=Europe/Berlin:20261020T143000" in override


def in_conflict(meeting: Meeting) -> Meeting:
    return mark_conflicts(meeting, {SECOND: "exams"}, NOW)


def settled(meeting: Meeting) -> Meeting:
    return mark_conflicts(meeting, {SECOND: None}, NOW)


def test_conflict_comes_and_goes_without_a_trace_or_a_sequence(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = with_lines(text_of(invite(meeting)), "COLOR:red").replace("-PT15M", "-PT1H")
    held = held.replace("NEEDS-ACTION", "ACCEPTED")
    open_ = merged(in_conflict(meeting), held)
    series, override = events(open_)
    assert ("STATUS:CONFIRMED" in series, "STATUS:TENTATIVE" in override) == (True, True)
    assert all(kept in override for kept in ("COLOR:red", "TRIGGER:-PT1H", "PARTSTAT=ACCEPTED"))
    assert "-PT15M" not in open_
    after = merged(settled(in_conflict(meeting)), open_)
    assert sorted(re.sub("/3 ", "/1 ", after).replace("20260910T120000Z", "20260902T090000Z").split("\n")) == sorted(
        held.split("\n")
    )
    assert {*re.findall("SEQUENCE:.*", open_ + after)} == {"SEQUENCE:0"}
    for ours, stored in ((in_conflict(meeting), held), (settled(in_conflict(meeting)), open_)):
        assert merge(invite(ours), bytes_of(stored)).restored == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TRIGGER:-PT15M", "TRIGGER:-P1D"),
        ("BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Mentoring with Ada\nTRIGGER:-PT15M\nEND:VALARM\n", ""),
        ("PARTSTAT=NEEDS-ACTION", "PARTSTAT=DECLINED"),
        ("BEGIN:VALARM", "CATEGORIES:Mentoring\nBEGIN:VALARM"),
    ],
    ids=["another alarm", "no alarm", "an answer", "a category"],
)
def test_what_the_owner_set_during_a_conflict_outlives_it(make_meeting: MakeMeeting, old: str, new: str) -> None:
    meeting = make_meeting()
    held = merged(in_conflict(meeting), text_of(invite(meeting)))
    _, override = events(held)
    edited = override.replace(old, new)
    assert edited != override
    held = held.replace(override, edited)
    after_series, after = events(merged(settled(in_conflict(meeting)), held))
    assert new in after
    assert old in new or old not in after
    assert ("STATUS:CONFIRMED" in after, "To be moved" in after, "SEQUENCE:0" in after) == (True, False, True)
    assert "DTSTART;TZID=Europe/Berlin:20261020T143000" in after
    assert "RECURRENCE-ID" not in after_series


def test_move_out_of_a_conflict_raises_the_sequence(make_meeting: MakeMeeting) -> None:
    meeting = in_conflict(make_meeting())
    moved = move_occurrence(meeting, SECOND, datetime(2026, 10, 21, 9, tzinfo=UTC), NOW)
    result = merge(invite(moved), invite(meeting))
    _, override = events(text_of(result.data))
    assert (result.sequence, "STATUS:CONFIRMED" in override, "To be moved" in override) == (1, True, False)


def test_time_that_its_owner_changed_during_a_conflict_is_put_right(make_meeting: MakeMeeting) -> None:
    meeting = in_conflict(make_meeting())
    held = text_of(invite(meeting)).replace("DTSTART;TZID=Europe/Berlin:20261020T143000", "DTSTART:20261020T130000Z")
    for ours in (meeting, settled(meeting)):
        result = merge(invite(ours), bytes_of(held))
        assert (result.restored, result.sequence) == (("times",), 1)


OWN_OVERRIDE = """BEGIN:VEVENT
UID:0b1c2d3e@scheduler.example
DTSTAMP:20260903T000000Z
RECURRENCE-ID;TZID=Europe/Berlin:20261020T143000
DTSTART;TZID=Europe/Berlin:20261020T160000
DTEND;TZID=Europe/Berlin:20261020T164500
SUMMARY:Mentoring with Ada
SEQUENCE:3
COLOR:red
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Soon
TRIGGER:-P1D
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def test_owners_override_keeps_their_properties_at_our_time(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = text_of(invite(meeting)).replace("END:VCALENDAR\n", OWN_OVERRIDE)
    result = merge(invite(retitled(meeting)), bytes_of(held))
    assert describe_restored(result.restored) == "the time had been changed in the calendar; it was put back"
    _, override = events(merged(retitled(meeting), held))
    for line in ("DTSTART;TZID=Europe/Berlin:20261020T143000", "DTEND;TZID=Europe/Berlin:20261020T151500"):
        assert line in override
    for line in ("SUMMARY:New title", "COLOR:red", "TRIGGER:-P1D", "SEQUENCE:4"):
        assert line in override


def test_override_with_another_alarm_is_no_change_of_time(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    own = OWN_OVERRIDE.replace("T160000", "T143000").replace("T164500", "T151500")
    held = text_of(invite(meeting)).replace("END:VCALENDAR\n", own)
    result = merge(invite(retitled(meeting)), bytes_of(held))
    assert result.restored == ()
    assert "TRIGGER:-P1D" in events(text_of(result.data))[1]


def test_change_to_our_present_version_is_not_reported(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = text_of(invite(meeting)).replace("SUMMARY:Mentoring with Ada", "SUMMARY:Coffee")
    assert merge(invite(retitled(meeting, "Coffee")), bytes_of(held)).restored == ()


def test_calendar_properties_stay_without_method(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = text_of(invite(meeting)).replace("VERSION:2.0\n", "VERSION:2.0\nMETHOD:PUBLISH\nX-APPLE-REGION:DE\n")
    text = merged(retitled(meeting), held)
    assert "X-APPLE-REGION:DE" in text
    assert "METHOD" not in text
    assert text.count("PRODID") == 1


def test_owners_override_goes_with_its_occurrence(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = text_of(invite(meeting)).replace("END:VCALENDAR\n", OWN_OVERRIDE)
    assert len(events(merged(cancel_occurrence(meeting, SECOND, NOW), held))) == 1
    elsewhere = held.replace("RECURRENCE-ID;TZID=Europe/Berlin:20261020", "RECURRENCE-ID;TZID=Europe/Berlin:20261021")
    assert len(events(merged(meeting, elsewhere))) == 1


def test_our_alarm_follows_the_title_and_owners_alarms_stay(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=1)
    own = "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Up\nTRIGGER:-PT30M\nEND:VALARM"
    text = merged(retitled(meeting), with_lines(text_of(invite(meeting)), own))
    assert own in text
    assert "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:New title\nTRIGGER:-PT15M\nEND:VALARM" in text


def test_cancelled_meeting_keeps_the_owners_alarms_only(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=1)
    own = "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Up\nTRIGGER:-PT30M\nEND:VALARM"
    text = merged(cancel(meeting, NOW), with_lines(text_of(invite(meeting)), own))
    assert own in text
    assert text.count("BEGIN:VALARM") == 1


def test_sequence_never_falls_and_rises_with_the_times(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = text_of(invite(meeting)).replace("SEQUENCE:0", "SEQUENCE:9")
    moved = move_occurrence(meeting, SECOND, datetime(2026, 10, 21, 9, tzinfo=UTC), NOW)
    assert set(re.findall("SEQUENCE:.*", merged(meeting, held))) == {"SEQUENCE:9"}
    assert set(re.findall("SEQUENCE:.*", merged(retitled(meeting), held))) == {"SEQUENCE:9"}
    assert set(re.findall("SEQUENCE:.*", merged(moved, held))) == {"SEQUENCE:10"}


def test_schedule_agent_of_server_invited_attendee_stays(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=1)
    server, client = Copy(auto_schedule=True, reaches_attendee=False), Copy(auto_schedule=True)
    assert "SCHEDULE-AGENT" not in merged(meeting, text_of(invite(meeting, server)), client)
    assert "SCHEDULE-AGENT" not in merged(meeting, text_of(invite(meeting, client)), server)
    nobody = text_of(invite(meeting, client)).replace("AGENT=CLIENT", "AGENT=NONE")
    assert "SCHEDULE-AGENT=NONE" in merged(meeting, nobody, server)


def test_copy_without_people_keeps_those_the_server_added(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting(count=1)
    plain = Copy(is_organizers=False, auto_schedule=True)
    assert "ATTENDEE" not in text_of(invite(meeting, plain))
    held = text_of(invite(meeting)).replace("NEEDS-ACTION", "ACCEPTED")
    result = merge(invite(meeting, plain), bytes_of(held))
    assert (result.differs, result.restored, result.is_same) == (False, (), True)
    text = merged(retitled(meeting), held, plain)
    assert "PARTSTAT=ACCEPTED" in text
    assert "ORGANIZER" in text


def test_erased_person_is_removed_from_the_stored_object(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = with_lines(text_of(invite(meeting)), "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.org")
    erased = revise(meeting, NOW, organizer=Party("", None, "Europe/Berlin"))
    assert "ada@example.org" not in merged(erased, held)


def test_later_version_is_newer(make_meeting: MakeMeeting) -> None:
    first = make_meeting()
    second, third = retitled(first), retitled(retitled(first))
    assert merge(invite(first), invite(second)).is_newer
    assert merge(invite(second), invite(third)).is_newer
    assert not merge(invite(third), invite(second)).is_newer
    restored = replace(second, changed_at=third.changed_at + timedelta(seconds=1))
    assert not merge(invite(restored), invite(third)).is_newer


def test_object_without_stamp_is_restored_silently(make_meeting: MakeMeeting) -> None:
    meeting = make_meeting()
    held = re.sub("X-MENTORSHIP.*\n", "", text_of(invite(meeting))).replace("SUMMARY:Ment", "SUMMARY:Sent")
    result = merge(invite(meeting), bytes_of(held))
    assert (result.differs, result.restored, result.is_newer) == (True, (), False)
    assert "SUMMARY:Mentoring with Ada" in merged(meeting, held)


@pytest.mark.parametrize(
    "mark", ["X-MENTORSHIP-STAMP:", "X-MENTORSHIP-STAMP:soon", "X-MENTORSHIP-STAMP:20260902T090000Z/x"]
)
def test_invalid_stamp_is_none(make_meeting: MakeMeeting, mark: str) -> None:
    meeting = make_meeting()
    held = re.sub("X-MENTORSHIP.*", mark, text_of(invite(meeting)))
    assert merge(invite(meeting), bytes_of(held)).restored == ()
    assert mark + "\n" not in merged(meeting, held)


def test_foreign_zone_stays_only_if_it_is_named(make_meeting: MakeMeeting) -> None:
    zone = "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"
    zone += "END:STANDARD\nEND:VTIMEZONE\n"
    meeting = make_meeting(count=1)
    held = text_of(invite(meeting)).replace("BEGIN:VEVENT", zone + "BEGIN:VEVENT")
    assert "TZID:Own" not in merged(retitled(meeting), held)
    assert zone in merged(retitled(meeting), with_lines(held, "X-SNOOZED;TZID=Own:20261006T120000"))


@pytest.mark.parametrize(
    "held",
    [
        "",
        "hello",
        "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nEND:VCALENDAR\n",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261006T120000Z\nRECURRENCE-ID:soon\nEND:VEVENT\nEND:VCALENDAR\n",
    ],
)
def test_data_of_several_calendars_is_refused(make_meeting: MakeMeeting, held: str) -> None:
    with pytest.raises((NotOneCalendar, UnreadableCalendar)):
        merge(invite(make_meeting()), bytes_of(held))


NAMES = st.from_regex(r"X-[A-Z]{1,8}(-[A-Z0-9]{1,5})?", fullmatch=True).filter(lambda name: "MENTORSHIP" not in name)
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=90)
FOREIGN = st.builds("{}:{}".format, NAMES, PRINTABLE) | st.sampled_from(
    [line for line in KEPT if not line.startswith("BEGIN")]
)
BREAKS = ["DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "STATUS", "RRULE", "ATTENDEE", "TRANSP", "URL", "SEQUENCE"]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            ["RECURRENCE-ID:99991231T235959Z", "DTSTART:99991231T235959Z"], id="the last instant that there is"
        ),
        pytest.param(["RECURRENCE-ID:00010101T000000Z", "DTSTART:00010101T000000Z"], id="the first one"),
        pytest.param(["DTSTART:20261008T080000Z", f"SEQUENCE:{'9' * 5000}"], id="an endless number"),
        pytest.param(["DTSTART:20261008T080000Z", *["BEGIN:X-A"] * 1200, *["END:X-A"] * 1200], id="a deep nest"),
    ],
)
def test_value_out_of_range_is_refused(make_meeting: MakeMeeting, lines: list[str]) -> None:
    meeting = make_meeting()
    ours = render_invite(meeting, meeting.uid)
    with pytest.raises((UnreadableCalendar, NotOneCalendar)):
        merge(ours, event_object(meeting.uid, *lines))


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_merge_restores_ours_keeps_theirs_and_is_idempotent(make_meeting: MakeMeeting, data: st.DataObject) -> None:
    meeting = make_meeting(
        count=data.draw(st.integers(1, 4)), outcomes=data.draw(st.sampled_from([None, {0: timedelta(days=2)}]))
    )
    held = text_of(invite(meeting))
    for name in data.draw(st.lists(st.sampled_from(BREAKS), max_size=3)):
        held = re.sub(f"^{name}[;:].*\n", "", held, flags=re.MULTILINE)
    if "DTSTART" not in held:
        held = held.replace("BEGIN:VEVENT\n", "BEGIN:VEVENT\nDTSTART:20300101T000000Z\n")
    lines = data.draw(st.lists(FOREIGN, max_size=4))
    held = with_lines(held, *lines)
    steps = data.draw(
        st.lists(st.sampled_from([retitled, lambda it: revise(it, NOW, conference_url=None)]), max_size=2)
    )
    ours = meeting
    for step in steps:
        ours = step(ours)

    result = merge(invite(ours), bytes_of(held))
    again = merge(invite(ours), result.data)
    assert (again.differs, again.restored, again.data) == (False, (), result.data)
    assert merge(invite(ours), bytes_of(held)).data == result.data
    text = text_of(result.data)
    for event in events(text)[: len(events(held))]:
        assert all(line in event for line in lines)
    wanted = read_block(invite(ours))
    found = read_block(result.data)
    for mine, theirs in zip(wanted.children("VEVENT"), found.children("VEVENT"), strict=True):
        for name in ("UID", "DTSTART", "DTEND", "RRULE", "SUMMARY", "DESCRIPTION", "STATUS", "URL", "RECURRENCE-ID"):
            assert mine.values(name) == theirs.values(name)
        assert [value.lower() for value in mine.values("ATTENDEE")] == theirs.values("ATTENDEE")
    calendar = icalendar.Calendar.from_ical(result.data)
    shown = recurring_ical_events.of(calendar).between((2026,), (2028,))
    assert sorted(event["DTSTART"].dt for event in shown) == sorted(period.start for period in ours.busy)


@given(PRINTABLE)
def test_folded_line_of_any_length_is_read_back(value: str) -> None:
    data = f"BEGIN:VCALENDAR\r\nX-LONG:{value * 3}\r\nEND:VCALENDAR\r\n".encode()
    written = write_block(read_block(data))
    assert max(map(len, written.split(b"\r\n"))) <= 75
    assert write_block(read_block(written)) == written
    assert read_block(written).values("X-LONG") == [value * 3]


def calls_of(work: Callable[[], object]) -> int:
    """How many functions the work calls, which does not depend on the machine."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def overridden(text: str, number: int, zone: str) -> str:
    """The object with that many overrides more, an hour apart."""
    first = datetime(2026, 1, 1)  # a wall time
    times = [f"{zone}:{first + timedelta(hours=hour):%Y%m%dT%H%M%S}" for hour in range(number)]
    uid = re.findall("UID:.*", text)[0]
    blocks = [f"BEGIN:VEVENT\n{uid}\nRECURRENCE-ID{at}\nDTSTART{at}\nEND:VEVENT\n" for at in times]
    return text.replace("END:VCALENDAR", "".join(["\n".join([*ZONE, ""]), *blocks, "END:VCALENDAR"]))


MORE = {
    "overrides": lambda text, number: overridden(text, number, ""),
    "overrides in a zone of its own": lambda text, number: overridden(text, number, ";TZID=Own"),
    "lines": lambda text, number: with_lines(text, *["X-A:1"] * number),
    "attendees": lambda text, number: with_lines(text, *[f"ATTENDEE:mailto:{at}@x" for at in range(number)]),
    "dates": lambda text, number: with_lines(text, *["EXDATE;TZID=Own:20260101T000000"] * number, "\n".join(["X-A:1"])),
    "alarms": lambda text, number: with_lines(text, *["BEGIN:VALARM\nACTION:AUDIO\nEND:VALARM"] * number),
    "a long TZID": lambda text, number: with_lines(text, f"EXDATE;TZID={'a/' * 20 * number}:20260101T000000"),
}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE.keys())
def test_merging_takes_linear_time(make_meeting: MakeMeeting, more: Callable[[str, int], str]) -> None:
    ours = invite(make_meeting(outcomes=MOVED))
    small, large = (bytes_of(more(text_of(ours), number)) for number in (100, 400))
    assert calls_of(lambda: merge(ours, large)) < 4.2 * calls_of(lambda: merge(ours, small))


@pytest.mark.parametrize("line", ["X-A:1", "X-A:" + "1" * 100])
def test_properties_that_new_overrides_would_repeat_too_often_are_refused(make_meeting: MakeMeeting, line: str) -> None:
    meeting = make_meeting()
    held = bytes_of(with_lines(text_of(invite(meeting)), *[line] * 30_000))
    assert merge(invite(meeting), held).differs is False
    moved = move_occurrence(meeting, SECOND, datetime(2026, 10, 21, 9, tzinfo=UTC), NOW)
    with pytest.raises(TooLarge, match="once it is repeated in each override"):
        merge(invite(moved), held)
