from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples

from scheduler.domain.programme.meetings import Meeting
from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.zones import UnknownZone
from scheduler.ical.parse import Identity, UnreadableCalendar, busy_periods, read_identity
from scheduler.ical.render import Audience, View, render_feed, render_invite

CORPUS = Path(__file__).parents[1] / "data" / "ics"
START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


def corpus(name: str) -> bytes:
    return (CORPUS / f"{name}.ics").read_bytes()


def busy(*names: str, zone: str = "Europe/Berlin") -> list[str]:
    """The busy periods of October 2026 in those files, in UTC."""
    found = busy_periods([corpus(name) for name in names], START, END, zone)
    return [f"{period.start:%m-%d %H:%M} to {period.end:%m-%d %H:%M}" for period in found]


READABLE = [
    ("timed-event", ["10-06 10:00 to 10-06 11:00"]),
    ("tentative-event", ["10-06 10:00 to 10-06 11:00"]),
    ("transparent-event", []),
    ("cancelled-event", []),
    ("no-events", []),
    # All days are the owner's: in Berlin, and the last Sunday of October has 25 hours.
    ("all-day-event", ["10-23 22:00 to 10-25 23:00"]),
    ("all-day-without-dtend", ["10-24 22:00 to 10-25 23:00"]),
    ("all-day-ending-on-its-own-day", ["10-05 22:00 to 10-06 22:00"]),
    ("all-day-with-duration", ["10-05 22:00 to 10-07 22:00"]),
    ("all-day-transparent", []),
    ("yearly-all-day", ["10-05 22:00 to 10-06 22:00"]),
    ("floating-event", ["10-06 08:00 to 10-06 09:00"]),
    ("floating-weekly-with-local-until", ["10-20 08:00 to 10-20 09:00", "10-27 09:00 to 10-27 10:00"]),
    ("no-end-takes-no-time", []),
    ("duration-through-a-clock-change", ["10-24 10:00 to 10-25 11:00"]),
    ("seconds", ["10-06 10:00 to 10-06 11:00"]),
    ("overlapping-events", ["10-06 10:00 to 10-06 12:00"]),
    ("weekly-through-a-clock-change", ["10-20 08:00 to 10-20 09:00", "10-27 09:00 to 10-27 10:00"]),
    ("weekly-with-exdate-and-override", ["10-06 08:00 to 10-06 09:00", "10-21 13:00 to 10-21 14:00"]),
    ("this-and-future", ["10-06 10:00 to 10-06 11:00", "10-13 14:00 to 10-13 15:00", "10-20 14:00 to 10-20 15:00"]),
    ("override-without-its-series", ["10-14 10:00 to 10-14 11:00"]),
    ("rdate-periods", ["10-06 10:00 to 10-06 11:00", "10-07 10:00 to 10-07 12:00", "10-08 10:00 to 10-08 10:30"]),
    ("windows-zone", ["10-06 08:00 to 10-06 09:00"]),
    ("globally-unique-zone", ["10-06 13:00 to 10-06 14:00"]),
    ("own-zone-two-hours-ahead", ["10-06 08:00 to 10-06 09:00"]),
    ("two-calendars-in-one-file", ["10-06 10:00 to 10-06 11:00", "10-07 10:00 to 10-07 11:00"]),
    ("broken-description-is-no-matter", ["10-06 10:00 to 10-06 11:00"]),
]

UNREADABLE = [
    ("unknown-zone", "time zone 'Middle-earth/Shire' is neither known nor defined"),
    ("zone-named-after-a-folder", "time zone 'America' is neither known nor defined"),
    ("own-zone-that-changes-every-second", "malformed"),
    ("secondly", "more often than hourly"),
    ("minutely", "more often than hourly"),
    ("daily-at-many-minutes", "more often than hourly"),
    ("hourly-since-long-ago", "hourly since before 1973"),
    ("interval-of-nothing", "interval of nothing"),
    ("broken-dtstart", "broken DTSTART"),
    ("broken-rrule", "broken RRULE"),
    ("broken-exdate", "broken EXDATE"),
    ("broken-line-of-a-time", "broken line"),
    ("two-dtstarts", "broken DTSTART"),
    ("no-dtstart", "no DTSTART"),
    ("end-before-start", "ends before it starts"),
    ("date-to-time", "starts with a date and ends with a time"),
    ("cut-off", "no complete VCALENDAR"),
    ("cut-off-in-the-second-calendar", "no complete VCALENDAR"),
    ("not-gregorian", "Gregorian"),
]


@pytest.mark.parametrize(("name", "periods"), READABLE)
def test_busy_periods_of_corpus_files(name: str, periods: list[str]) -> None:
    assert busy(name) == periods


@pytest.mark.parametrize(("name", "reason"), UNREADABLE)
def test_partly_unreadable_calendar_is_refused_as_a_whole(name: str, reason: str) -> None:
    with pytest.raises(UnreadableCalendar, match=reason):
        busy("timed-event", name)


def test_every_corpus_file_is_in_one_of_the_tables() -> None:
    listed = {name for name, _ in READABLE} | {name for name, _ in UNREADABLE} | {"own-zone-five-hours-behind"}
    assert {file.stem for file in CORPUS.glob("*.ics")} == listed


@pytest.mark.parametrize("data", [b"", b"\n", b"nothing of the kind", b"\xff\xfe\x00", b"/etc/hostname"])
def test_text_that_is_not_icalendar_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableCalendar):
        busy_periods([data], START, END, "UTC")
    assert read_identity(data) is None


def test_byte_order_mark_is_ignored() -> None:
    assert len(busy_periods([b"\xef\xbb\xbf" + corpus("timed-event")], START, END, "UTC")) == 1


def test_vtimezone_holds_for_its_own_calendar_only() -> None:
    ahead, behind = "own-zone-two-hours-ahead", "own-zone-five-hours-behind"
    for order in ((ahead, behind), (behind, ahead)):
        assert busy(*order) == ["10-06 08:00 to 10-06 09:00", "10-06 15:00 to 10-06 16:00"]


@pytest.mark.parametrize(
    ("zone", "periods"),
    [
        ("UTC", ["10-06 00:00 to 10-07 00:00"]),
        ("Pacific/Kiritimati", ["10-05 10:00 to 10-06 10:00"]),
        ("Pacific/Pago_Pago", ["10-06 11:00 to 10-07 11:00"]),
    ],
)
def test_all_day_event_covers_the_owners_days(zone: str, periods: list[str]) -> None:
    assert busy("yearly-all-day", zone=zone) == periods


def test_all_day_event_on_day_without_midnight_starts_at_its_first_minute() -> None:
    data = corpus("all-day-without-dtend").replace(b"20261025", b"20260906")
    found = busy_periods([data], datetime(2026, 9, 1, tzinfo=UTC), START, "America/Santiago")
    assert list(found) == [Period(datetime(2026, 9, 6, 4, tzinfo=UTC), datetime(2026, 9, 7, 3, tzinfo=UTC))]


def test_busy_periods_are_cut_to_the_window() -> None:
    start, end = datetime(2026, 10, 6, 10, 15, tzinfo=UTC), datetime(2026, 10, 6, 10, 45, tzinfo=UTC)
    assert list(busy_periods([corpus("timed-event")], start, end, "UTC")) == [Period(start, end)]
    assert list(busy_periods([corpus("timed-event")], end + timedelta(hours=1), END, "UTC")) == []


def test_ignored_uids_are_not_busy() -> None:
    objects = [corpus("overlapping-events")]
    assert [*busy_periods(objects, START, END, "UTC", {"a@example.org"})] == [
        Period(datetime(2026, 10, 6, 10, 30, tzinfo=UTC), datetime(2026, 10, 6, 12, tzinfo=UTC))
    ]


def test_unknown_owner_zone_is_refused() -> None:
    with pytest.raises(UnknownZone):
        busy_periods([], START, END, "Mars/Olympus")


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(sorted(name for name, _ in READABLE)), st.data())
def test_damaged_calendar_is_read_or_refused(name: str, data: st.DataObject) -> None:
    text = bytearray(corpus(name))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        text[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    read_identity(bytes(text))
    try:
        found = busy_periods([bytes(text)], START, END, "Europe/Berlin")
    except UnreadableCalendar:
        return
    assert found == found.within(int(START.timestamp()) // 60, int(END.timestamp()) // 60)


def test_identity_of_a_rendered_invite_is_read_back(make_meeting: Callable[..., Meeting]) -> None:
    meeting = make_meeting(sequence=3, outcomes={1: timedelta(days=1)})
    assert read_identity(render_invite(meeting, meeting.uid)) == Identity(meeting.uid, 3, meeting.changed_at)


def test_identity_defaults_to_dtstamp_and_sequence_0() -> None:
    assert read_identity(corpus("timed-event")) == Identity("a@example.org", 0, datetime(2026, 9, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["no-events", "overlapping-events", "cut-off"])
def test_object_of_several_events_has_no_identity(name: str) -> None:
    assert read_identity(corpus(name)) is None


def test_rendered_meeting_is_busy_in_its_periods(make_meeting: Callable[..., Meeting]) -> None:
    meeting = make_meeting(outcomes={1: timedelta(days=1), 2: None, 3: timedelta(days=20)})
    feed = render_feed("Ada", [View(meeting, Audience.FREE_BUSY)])
    whole_year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    assert busy_periods([feed], *whole_year, "Asia/Kolkata") == Periods.of(meeting.busy)
    assert len(busy_periods([feed], *whole_year, "Asia/Kolkata", meeting.uids)) == 0
