"""Busy periods read out of calendars: what every kind of property, and of dirt, comes to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples

from scheduler.domain.programme.meetings import Meeting
from scheduler.domain.time.clocks import Clock, Itinerary, PlannedMove
from scheduler.domain.time.periods import Period, Periods, minute_of
from scheduler.domain.time.zones import UnknownZone
from scheduler.ical.busy import busy_periods, read_busy
from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.render import Audience, View, render_feed

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
    # None of these has a length; how often they happen is no reason to refuse them.
    ("minutely", []),
    ("daily-at-many-minutes", []),
    ("hourly-since-long-ago", []),
]

UNREADABLE = [
    ("unknown-zone", "time zone that is neither known nor defined in it: 'Middle-earth/Shire'"),
    ("zone-named-after-a-folder", "time zone that is neither known nor defined in it: 'America'"),
    ("own-zone-that-changes-every-second", "time zone that can't be read: it changes its clock too often"),
    ("secondly", "recurs more than 100,000 times"),
    ("interval-of-nothing", "its RRULE has INTERVAL=0, which is not at least 1"),
    ("broken-dtstart", "its DTSTART is neither a date nor a time"),
    ("broken-rrule", "its RRULE has no FREQ that there is"),
    ("broken-exdate", "its EXDATE is neither a date nor a time"),
    ("broken-line-of-a-time", "its DTEND is a broken line"),
    ("two-dtstarts", "its DTSTART is there twice, and different"),
    ("no-dtstart", "its DTSTART is missing"),
    ("end-before-start", "its DTEND is before its DTSTART"),
    ("date-to-time", "its DTEND is a time, and its DTSTART a date"),
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
    try:
        found = busy_periods([bytes(text)], START, END, "Europe/Berlin")
    except UnreadableCalendar:
        return
    assert found == found.within(int(START.timestamp()) // 60, int(END.timestamp()) // 60)


def test_rendered_meeting_is_busy_in_its_periods(make_meeting: Callable[..., Meeting]) -> None:
    meeting = make_meeting(outcomes={1: timedelta(days=1), 2: None, 3: timedelta(days=20)})
    feed = render_feed("Ada", [View(meeting, Audience.FREE_BUSY)])
    whole_year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    assert busy_periods([feed], *whole_year, "Asia/Kolkata") == Periods.of(meeting.busy)
    assert len(busy_periods([feed], *whole_year, "Asia/Kolkata", meeting.uids)) == 0


BERLIN = "Europe/Berlin"
SERIES = ("DTSTART;TZID=Europe/Berlin:20261201T100000", "DTEND;TZID=Europe/Berlin:20261201T110000")


def calendar(*lines: str) -> bytes:
    """A calendar of those lines; each ``VEVENT`` among them begins an event, and ends the one before."""
    body = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    for line in lines:
        if line == "VEVENT" and "BEGIN:VEVENT" in body:
            body.append("END:VEVENT")
        body.append("BEGIN:VEVENT" if line == "VEVENT" else line)
    return "\r\n".join([*body, *["END:VEVENT"] * ("VEVENT" in lines), "END:VCALENDAR", ""]).encode()


def read(*lines: str, first: str = "2026-12-01", last: str = "2026-12-31", **asked: Any) -> list[str]:
    """The busy periods of an owner in Berlin, or on another ``clock``, from the first day to the last (UTC)."""
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    end = datetime.fromisoformat(last).replace(tzinfo=UTC) + timedelta(days=1)
    asked = {"clock": BERLIN} | asked
    found = busy_periods([calendar(*lines)], start, end, **asked)
    return [f"{period.start:%m-%dT%H:%M}/{period.end:%m-%dT%H:%M}" for period in found]


def event(*lines: str, **asked: Any) -> list[str]:
    return read("VEVENT", "UID:one", *lines, **asked)


ONE_HOUR = ["12-01T09:00/12-01T10:00"]


@pytest.mark.parametrize(
    "until", ["20261203", "20261203T100000", "20261203T090000Z", "20261203T235959", "20261203T100000Z"]
)
def test_until_is_inclusive_and_without_z_on_the_clock_of_dtstart(until: str) -> None:
    assert event(*SERIES, f"RRULE:FREQ=DAILY;UNTIL={until}") == [
        f"12-0{day}T09:00/12-0{day}T10:00" for day in (1, 2, 3)
    ]


def test_until_as_a_date_includes_an_evening_west_of_utc() -> None:
    lines = ("DTSTART;TZID=America/Los_Angeles:20261201T200000", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261202")
    assert event(*lines) == ["12-02T04:00/12-02T05:00", "12-03T04:00/12-03T05:00"]


def test_until_before_an_occurrence_of_the_same_day_excludes_it() -> None:
    assert event(*SERIES, "RRULE:FREQ=DAILY;UNTIL=20261202T085959Z") == ONE_HOUR


@pytest.mark.parametrize("end", ["DURATION:PT8H", "DTEND;TZID=Europe/Berlin:20270314T060000"])
def test_recurring_night_shift_lasts_as_long_in_the_night_of_a_clock_change(end: str) -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20270313T220000", end, "RRULE:FREQ=WEEKLY")
    assert event(*lines, first="2027-03-27", last="2027-03-28") == ["03-27T21:00/03-28T05:00"]


def test_days_of_a_duration_are_days_of_the_wall_clock() -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20270327T100000", "DURATION:P1DT1H", "RRULE:FREQ=MONTHLY")
    assert event(*lines, first="2027-03-27", last="2027-03-29") == ["03-27T09:00/03-28T09:00"]


MINE = ["BEGIN:VTIMEZONE", "TZID:Mine"]
for _name, _month, _before, _after in (("DAYLIGHT", 3, "+0100", "+0200"), ("STANDARD", 10, "+0200", "+0100")):
    MINE += [f"BEGIN:{_name}", f"DTSTART:1970{_month:02}25T020000", f"TZOFFSETFROM:{_before}", f"TZOFFSETTO:{_after}"]
    MINE += [f"RRULE:FREQ=YEARLY;BYMONTH={_month};BYDAY=-1SU", f"END:{_name}"]
MINE += ["END:VTIMEZONE"]
ON_CLOCKS = [";TZID=Europe/Berlin", ";TZID=Mine", ""]


@pytest.mark.parametrize("first", ["2027-03-10", "2027-04-05"])
@pytest.mark.parametrize("rule", ["X-NO-RULE:", "RRULE:FREQ=MONTHLY", "RRULE:FREQ=HOURLY;INTERVAL=2000"])
@pytest.mark.parametrize("clock", ON_CLOCKS)
def test_exact_duration_ends_alike_whether_its_start_is_within_the_span(clock: str, rule: str, first: str) -> None:
    lines = (*MINE, "VEVENT", f"DTSTART{clock}:20270320T090000", "DURATION:PT480H", rule)
    assert read(*lines, first=first, last="2027-04-12")[-1].endswith("/04-09T08:00")


@pytest.mark.parametrize("first", ["2027-03-10", "2027-04-05"])
@pytest.mark.parametrize("rule", ["X-NO-RULE:", "RRULE:FREQ=MONTHLY"])
def test_days_and_hours_of_a_duration_end_alike_whether_its_start_is_within_the_span(rule: str, first: str) -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20270320T090000", "DURATION:P2DT432H", rule)
    assert event(*lines, first=first, last="2027-04-12")[-1].endswith("/04-09T08:00")


@pytest.mark.parametrize("rule", ["X-NO-RULE:", "RRULE:FREQ=MONTHLY"])
@pytest.mark.parametrize(
    ("lines", "end"),
    [
        (("DTSTART:20261209T080000", "DURATION:PT240H"), "12-18T23:00"),
        (("DTSTART:20261209T080000", "DURATION:P10D"), "12-19T07:00"),
        (("DTSTART;VALUE=DATE:20261209", "DURATION:P10D"), "12-18T23:00"),
    ],
)
@pytest.mark.parametrize("first", ["2026-12-01", "2026-12-15"])
def test_event_that_begins_during_a_move_ends_alike_whether_it_begins_within_the_span(
    lines: tuple[str, ...], end: str, rule: str, first: str
) -> None:
    assert event(*lines, rule, clock=MOVED, first=first)[0].endswith(f"/{end}")


@pytest.mark.parametrize("first", ["2027-03-10", "2027-04-05"])
def test_exclusion_in_utc_names_an_occurrence_that_begins_before_the_span(first: str) -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20270320T090000", "DURATION:PT480H", "RRULE:FREQ=MONTHLY")
    assert event(*lines, "EXDATE:20270320T080000Z", first=first, last="2027-04-12") == []


@pytest.mark.parametrize("first", ["2028-01-01", "2028-02-10"])
@pytest.mark.parametrize("changed", ["20270104T090000", "20270204T090000"])
def test_this_and_future_may_make_occurrences_longer_or_later(changed: str, first: str) -> None:
    lines = ("DTSTART:20270101T090000Z", "DURATION:PT1H", "RRULE:FREQ=YEARLY")
    other = ("VEVENT", "UID:one", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270101T090000Z", f"DTSTART:{changed}Z")
    end = ["DTEND:20270215T090000Z"]
    assert event(*lines, *other, *end, first=first, last="2028-02-28")[0].endswith("/02-15T09:00")


def test_this_and_future_may_make_occurrences_earlier() -> None:
    other = ("VEVENT", "UID:two", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261208T090000Z")
    moved = ("DTSTART:20261128T090000Z", "DTEND:20261128T100000Z")
    assert read(*WEEKLY, *other, *moved, first="2026-11-20", last="2026-11-30") == ["11-28T09:00/11-28T10:00"]
    weekly = [line.partition(";COUNT")[0] for line in WEEKLY]
    assert read(*weekly, *other, *moved, first="2027-01-05", last="2027-01-10") == ["01-09T09:00/01-09T10:00"]


def test_added_occurrence_before_its_series_lasts_as_long() -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20270327T220000", "DTEND;TZID=Europe/Berlin:20270328T060000")
    assert event(*lines, "RDATE;TZID=Europe/Berlin:20261201T220000") == ["12-01T21:00/12-02T04:00"]


def test_exclusion_that_can_not_be_followed_is_unreadable() -> None:
    often = ";".join(f"BY{part}={','.join(map(str, range(size)))}" for part, size in (("HOUR", 24), ("MINUTE", 60)))
    with pytest.raises(UnreadableCalendar, match="its EXRULE recurs more than 100,000 times"):
        event(*SERIES, "RRULE:FREQ=DAILY", f"EXRULE:FREQ=DAILY;{often};BYSECOND=0,1,2")


def test_this_and_future_that_ends_before_it_begins_is_unreadable() -> None:
    lines = (*WEEKLY, "VEVENT", "UID:two", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261208T090000Z")
    changed = ("DTSTART;TZID=Europe/Berlin:20261208T120000", "DTEND:20261208T090000Z")
    with pytest.raises(UnreadableCalendar, match="its DTEND is before its DTSTART"):
        read(*lines, *changed)


MOVED = Itinerary("Europe/Berlin", (PlannedMove(date(2026, 12, 8), date(2026, 12, 9), "Asia/Tokyo"),))


@pytest.mark.parametrize(
    ("lines", "periods"),
    [
        (("DTSTART;VALUE=DATE:20261208",), ["12-07T15:00/12-08T15:00"]),
        (("DTSTART;VALUE=DATE:20261210",), ["12-09T23:00/12-10T23:00"]),
        (("DTSTART:20261208T100000", "DURATION:PT1H"), ["12-08T01:00/12-08T02:00"]),
        (
            ("DTSTART:20261207T100000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2"),
            ["12-07T09:00/12-07T10:00", "12-08T01:00/12-08T02:00"],
        ),
    ],
)
def test_all_day_and_floating_events_follow_a_planned_move(lines: tuple[str, ...], periods: list[str]) -> None:
    assert event(*lines, clock=MOVED) == periods


def own_zone(name: str, offset: str) -> list[str]:
    observance = ["DTSTART:16010101T000000", f"TZOFFSETFROM:{offset}", f"TZOFFSETTO:{offset}"]
    return ["BEGIN:VTIMEZONE", f"TZID:{name}", "BEGIN:STANDARD", *observance, "END:STANDARD", "END:VTIMEZONE"]


@pytest.mark.parametrize("name", ["EST", "GMT", "Custom/EST", "GMT+05:30", "W. Europe Standard Time", "Etc/GMT"])
def test_zone_defined_in_the_calendar_wins_over_a_name_that_is_no_city(name: str) -> None:
    lines = ("VEVENT", f"DTSTART;TZID={name}:20261201T110000", "DURATION:PT1H")
    assert read(*own_zone(name, "+0200"), *lines) == ONE_HOUR


@pytest.mark.parametrize("name", ["Europe/Berlin", "/example.org/20200101/Europe/Berlin", "US/Eastern"])
def test_city_wins_over_what_the_calendar_says_of_it(name: str) -> None:
    local = "040000" if name == "US/Eastern" else "100000"
    lines = ("VEVENT", f"DTSTART;TZID={name}:20261201T{local}", "DURATION:PT1H")
    assert read(*own_zone(name, "+0900"), *lines) == ONE_HOUR


@pytest.mark.parametrize(
    "name",
    [
        "W. Europe Standard Time",
        "w. europe standard time",
        "Mitteleuropäische Zeit",
        "(UTC+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien",
        '"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"',
        "europe/berlin",
    ],
)
def test_names_of_zones_that_programs_write_are_known(name: str) -> None:
    summer = event(f"DTSTART;TZID={name}:20270701T100000", "DURATION:PT1H", first="2027-07-01", last="2027-07-02")
    assert event(f"DTSTART;TZID={name}:20261201T100000", "DURATION:PT1H") == ONE_HOUR
    assert summer == ["07-01T08:00/07-01T09:00"]


def test_own_zone_changes_its_clock_as_it_says() -> None:
    lines = [*MINE, "VEVENT", "DTSTART;TZID=Mine:20270327T100000", "DURATION:PT1H", "RRULE:FREQ=DAILY"]
    assert read(*lines, first="2027-03-27", last="2027-03-28") == ["03-27T09:00/03-27T10:00", "03-28T08:00/03-28T09:00"]


def test_z_wins_over_a_tzid_in_every_property() -> None:
    zone = "TZID=America/New_York"
    lines = [f"DTSTART;{zone}:20261201T090000Z", f"DTEND;{zone}:20261201T100000Z", "RRULE:FREQ=DAILY;COUNT=3"]
    assert event(*lines, f"EXDATE;{zone}:20261202T090000Z,20261203T090000Z") == ONE_HOUR


def test_all_day_event_with_a_zone_is_a_day_of_its_owner() -> None:
    assert event("DTSTART;VALUE=DATE;TZID=Asia/Tokyo:20261202") == ["12-01T23:00/12-02T23:00"]


@pytest.mark.parametrize("length", ["PT8H", "PT24H", "P1D"])
def test_recurring_all_day_event_with_hours_covers_whole_days(length: str) -> None:
    lines = ("DTSTART;VALUE=DATE:20261202", f"DURATION:{length}", "RRULE:FREQ=WEEKLY;COUNT=2")
    assert event(*lines) == ["12-01T23:00/12-02T23:00", "12-08T23:00/12-09T23:00"]


def test_start_inside_a_skipped_hour_is_where_the_clock_puts_it() -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20270327T023000", "DURATION:PT30M", "RRULE:FREQ=DAILY;COUNT=2")
    assert event(*lines, first="2027-03-27", last="2027-03-28") == [
        "03-27T01:30/03-27T02:00",
        "03-28T01:30/03-28T02:00",
    ]


def test_hourly_event_fills_the_repeated_hour() -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20271031T000000", "DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=5")
    assert event(*lines, first="2027-10-30", last="2027-10-31") == ["10-30T22:00/10-31T03:00"]


DIRT = [
    ("BEGIN:VALARM", "TRIGGER:-15M", "END:VALARM"),
    ("BEGIN:VALARM", "TRIGGER:-PT15M"),
    ("BEGIN:X-PART", "DTSTART:never", "END:X-PART"),
    ("SEQUENCE:first",),
    ("SUMMARY:a\x0btab and a \x00 NUL",),
    ("EXDATE:",),
    ("EXDATE;TZID=Europe/Berlin:,",),
    ("ATTACH;ENCODING=BASE64;VALUE=BINARY:####", "X-DTSTART:never", "DTSTARTS:never"),
    ("LAST-MODIFIED:yesterday", "CREATED:0", "GEO:here"),
    ("DTSTART;TZID=Europe/Berlin:20261201T100000",),
    ("END:VTODO",),
]


@pytest.mark.parametrize("dirt", DIRT)
def test_dirt_that_says_nothing_about_busy_time_is_ignored(dirt: tuple[str, ...]) -> None:
    assert event(*SERIES, *dirt) == ONE_HOUR


@pytest.mark.parametrize(
    "component",
    [
        ("BEGIN:VTODO", "DTSTART:never", "END:VTODO"),
        ("BEGIN:VJOURNAL", "RRULE:FREQ=EVER", "END:VJOURNAL"),
        ("BEGIN:VPOLL", "BEGIN:VVOTER", "END:VVOTER", "END:VPOLL"),
        ("BEGIN:VTIMEZONE", "TZID:Unused", "END:VTIMEZONE"),
        ("BEGIN:VTODO", "SUMMARY:never ended"),
        ("X-WR-CALNAME:mine", "a line without a colon"),
    ],
)
def test_other_components_are_ignored(component: tuple[str, ...]) -> None:
    assert read(*component, "VEVENT", "UID:one", *SERIES) == ONE_HOUR


@pytest.mark.parametrize("free", ["STATUS:CANCELLED", "TRANSP:TRANSPARENT", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"])
def test_event_that_bars_nothing_may_be_broken(free: str) -> None:
    assert event("DTSTART;TZID=Nowhere:never", "RRULE:FREQ=EVER", "DTEND;", free) == []


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;X-PART=1;COUNT=2", ["12-01", "12-08"]),
        ("freq=weekly;;count=2;", ["12-01", "12-08"]),
        ("RSCALE=GREGORIAN;FREQ=WEEKLY;SKIP=OMIT;COUNT=2", ["12-01", "12-08"]),
        ("FREQ=MONTHLY;BYDAY=1TU,-1WE;COUNT=2", ["12-01", "12-30"]),
        ("FREQ=DAILY;BYSETPOS=1;BYHOUR=10,12;COUNT=2", ["12-01", "12-02"]),
    ],
)
def test_rules_with_unusual_parts_are_followed(rule: str, days: list[str]) -> None:
    assert event(*SERIES, f"RRULE:{rule}") == [f"{day}T09:00/{day}T10:00" for day in days]


@pytest.mark.parametrize(("skip", "day"), [("BACKWARD", "02-28"), ("FORWARD", "03-01")])
def test_day_that_a_month_lacks_is_moved_as_skip_says(skip: str, day: str) -> None:
    rule = f"RRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP={skip}"
    found = event("DTSTART:20261231T100000Z", "DURATION:PT1H", rule, first="2027-02-01", last="2027-03-05")
    assert found == [f"{day}T10:00/{day}T11:00"]


def test_twice_a_day_by_minutes_is_followed() -> None:
    lines = ("DTSTART:20261201T090000Z", "DURATION:PT10M", "RRULE:FREQ=DAILY;BYHOUR=9;BYMINUTE=0,30;COUNT=2")
    assert event(*lines) == ["12-01T09:00/12-01T09:10", "12-01T09:30/12-01T09:40"]


ME = 'ATTENDEE;CN="Me: myself";PARTSTAT={}:mailto:Me@example.org'


@pytest.mark.parametrize(
    ("attendees", "is_busy"),
    [
        ([ME.format("DECLINED")], False),
        ([ME.format("ACCEPTED")], True),
        ([ME.format("NEEDS-ACTION")], True),
        ([ME.format("DECLINED"), ME.format("ACCEPTED")], True),
        (["ATTENDEE;PARTSTAT=DECLINED:mailto:else@example.org"], True),
        (["ATTENDEE;PARTSTAT=DECLINED;EMAIL=me@example.org:urn:uuid:1"], False),
    ],
)
def test_invitation_that_its_owner_has_declined_bars_nothing(attendees: list[str], is_busy: bool) -> None:
    assert event(*SERIES, *attendees, emails=["me@example.org"]) == ONE_HOUR * is_busy


@pytest.mark.parametrize(
    "sign", ["STATUS:TENTATIVE", "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE", ME.format("TENTATIVE"), None]
)
def test_tentative_time_is_told_apart(sign: str | None) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    data = calendar("VEVENT", *SERIES, *([sign] if sign else []))
    placed = read_busy([data], start, start + timedelta(days=1), BERLIN, emails=["me@example.org"])
    assert len(placed.busy) == 1
    assert len(placed.tentative) == (sign is not None)


WEEKLY = ("VEVENT", "UID:two", *SERIES, "RRULE:FREQ=WEEKLY;COUNT=3")
FIRST, SECOND, THIRD = (f"12-{day}T09:00/12-{day}T10:00" for day in ("01", "08", "15"))


@pytest.mark.parametrize(
    "name",
    [
        "RECURRENCE-ID;TZID=Europe/Berlin:20261208T100000",
        "RECURRENCE-ID:20261208T090000Z",
        "RECURRENCE-ID:20261208T100000",
        "RECURRENCE-ID;TZID=Asia/Kolkata:20261208T143000",
        "RECURRENCE-ID;VALUE=DATE:20261208",
    ],
)
def test_occurrence_is_named_in_any_form(name: str) -> None:
    override = ("VEVENT", "UID:two", name, "DTSTART:20261208T150000Z", "DURATION:PT1H")
    assert read(*WEEKLY, *override) == [FIRST, "12-08T15:00/12-08T16:00", THIRD]
    assert read(*WEEKLY, "VEVENT", "UID:two", name, "STATUS:CANCELLED") == [FIRST, THIRD]
    assert read(*WEEKLY, name.replace("RECURRENCE-ID", "EXDATE")) == [FIRST, THIRD]


def test_override_with_the_higher_sequence_holds_then_the_later_one() -> None:
    overrides = [
        (1, "20261101T000000Z", "RECURRENCE-ID;TZID=Europe/Berlin:20261208T100000", "120000"),
        (2, "20261101T000000Z", "RECURRENCE-ID:20261208T090000Z", "140000"),
        (2, "20261102T000000Z", "RECURRENCE-ID;VALUE=DATE:20261208", "160000"),
        (1, "20261201T000000Z", "RECURRENCE-ID:20261208T090000Z", "180000"),
    ]
    lines = [*WEEKLY]
    for sequence, stamp, name, time in overrides:
        lines += ["VEVENT", "UID:two", f"SEQUENCE:{sequence}", f"DTSTAMP:{stamp}", name]
        lines += [f"DTSTART:20261208T{time}Z", "DURATION:PT1H"]
    assert read(*lines) == [FIRST, "12-08T16:00/12-08T17:00", THIRD]


def test_two_series_under_one_uid_both_count() -> None:
    other = ("VEVENT", "UID:two", "DTSTART:20261203T090000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=1")
    assert read(*WEEKLY, *other) == [FIRST, "12-03T09:00/12-03T10:00", SECOND, THIRD]


def test_this_and_future_may_end_a_series() -> None:
    name = "RECURRENCE-ID;RANGE=THISANDFUTURE:20261208T090000Z"
    assert read(*WEEKLY, "VEVENT", "UID:two", name, "STATUS:CANCELLED") == [FIRST]


def test_free_busy_components_are_read() -> None:
    lines = ["BEGIN:VFREEBUSY", "FREEBUSY:20261201T090000Z/20261201T100000Z,20261202T090000Z/PT1H"]
    lines += ["FREEBUSY;FBTYPE=FREE:20261203T090000Z/PT1H", "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20261204T090000Z/PT1H"]
    assert read(*lines, "END:VFREEBUSY") == [f"12-0{day}T09:00/12-0{day}T10:00" for day in (1, 2, 4)]


def test_leap_second_is_read_as_the_second_before() -> None:
    assert event("DTSTART:20261201T230000Z", "DTEND:20261201T235960Z") == ["12-01T23:00/12-02T00:00"]


BROKEN = ("VEVENT", "UID:broken")


@pytest.mark.parametrize(
    "lines",
    [
        ("DTSTART:20270101T090000Z", "RRULE:FREQ=EVER"),
        ("DTSTART:20261001T090000Z", "DURATION:PT1H", "RRULE:FREQ=EVER;UNTIL=20261120T000000Z"),
    ],
)
def test_what_can_not_be_read_is_ruled_out_where_it_can_not_lie(lines: tuple[str, ...]) -> None:
    assert read(*BROKEN, *lines, "VEVENT", "UID:one", *SERIES) == ONE_HOUR


def test_what_can_not_be_read_is_named_and_the_rest_is_read() -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    lines = ("DTSTART:20261203T090000Z", "DTEND:20261203T100000Z", "RRULE:FREQ=EVER")
    data = calendar(*BROKEN, *lines, "VEVENT", *SERIES)
    placed = read_busy([data], start, start + timedelta(days=30), BERLIN)
    (problem,) = placed.unreadable
    assert (problem.uid, problem.dtstart, problem.reason) == (
        "broken",
        "20261203T090000Z",
        "its RRULE has no FREQ that there is",
    )
    assert len(placed.busy) == 2
    assert len(read_busy([data], start, start + timedelta(days=30), BERLIN, {"broken"}).unreadable) == 0


@pytest.mark.parametrize("data", [b"BEGIN:VCALENDAR\n" * 60, b"BEGIN:X\n" * 60, b"BEGIN:VCALENDAR\nBEGIN:X\n" * 60])
def test_deep_nesting_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableCalendar):
        busy_periods([data], START, END, BERLIN)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_any_encoding_is_read(encoding: str) -> None:
    data = calendar("VEVENT", "SUMMARY:Büro", *SERIES).decode().encode(encoding)
    start = datetime(2026, 12, 1, tzinfo=UTC)
    assert len(busy_periods([data], start, start + timedelta(days=1), BERLIN)) == 1


EXTREMES = [
    *("VEVENT", "UID:one", "END:VEVENT", "STATUS:CANCELLED", "TZID:x", "EXRULE:FREQ=HOURLY"),
    *("RRULE:FREQ=DAILY;BYSETPOS=-1", "RRULE:FREQ=YEARLY;BYWEEKNO=-53;INTERVAL=9999999", "RRULE:FREQ=HOURLY;COUNT=9"),
    *("RDATE:20261201T090000Z/PT1H,20261202", "DTSTART;VALUE=DATE:00010101", "DTSTART;VALUE=DATE:99991231"),
    *("DURATION:P9999999W", "DTEND:99991231T235959Z", "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20261203"),
    *("RECURRENCE-ID:00010101T000000", "RRULE:FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=31;UNTIL=99991231"),
]


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.sampled_from([*EXTREMES, *SERIES, *(line for dirt in DIRT for line in dirt)]), max_size=14))
def test_any_mixture_of_lines_is_read_or_refused(lines: list[str]) -> None:
    data = calendar("VEVENT", *lines)
    try:
        found = busy_periods([data], START, END, MOVED)
    except UnreadableCalendar:
        return
    assert found == found.within(int(START.timestamp()) // 60, int(END.timestamp()) // 60)


DAY_ZERO = datetime(2026, 12, 20)
OWNERS = [
    BERLIN,
    Itinerary(
        "America/New_York",
        (
            PlannedMove(date(2027, 2, 1), date(2027, 2, 20), "Asia/Tokyo"),
            PlannedMove(date(2027, 3, 20), date(2027, 4, 2), "Pacific/Auckland"),
        ),
    ),
]


@st.composite
def long_events(draw: st.DrawFn) -> bytes:
    """A calendar of one event that lasts up to weeks, or recurs, with exceptions in other zones."""
    clocks = [*ON_CLOCKS, ";TZID=Australia/Lord_Howe", ";TZID=America/Santiago"]
    walls = st.integers(0, 200 * 48).map(lambda halves: DAY_ZERO + timedelta(minutes=30 * halves))

    def time(name: str, wall: datetime | None = None, clock: str | None = None) -> str:
        clock = draw(st.sampled_from(clocks)) if clock is None else clock
        return f"{name}{clock}:{wall or draw(walls):%Y%m%dT%H%M%S}"

    def span(wall: datetime, home: str | None = None) -> list[str]:
        if home == ";VALUE=DATE":
            return [f"DTSTART{home}:{wall:%Y%m%d}", f"DURATION:P{draw(st.integers(1, 40))}D"]
        length = draw(st.sampled_from(["", "P0D", "P2D", "P20D"])) or "P"
        length += f"T{draw(st.integers(0, 900))}H" if draw(st.booleans()) or length == "P" else ""
        ends = wall + timedelta(days=draw(st.integers(2, 40)))
        return [time("DTSTART", wall, home), draw(st.sampled_from([f"DURATION:{length}", time("DTEND", ends)]))]

    start, home = draw(walls), draw(st.sampled_from([*clocks, ";VALUE=DATE"]))
    rules = ["DAILY;INTERVAL=17", "WEEKLY;INTERVAL=3", "MONTHLY", "DAILY;COUNT=9"]
    if home != ";VALUE=DATE":
        rules += ["HOURLY;INTERVAL=103", "HOURLY;INTERVAL=40;COUNT=30", "WEEKLY;UNTIL=20270401T120000Z"]
    rule = draw(st.sampled_from(["", *(f"RRULE:FREQ={rule}" for rule in rules)]))
    lines = ["VEVENT", "UID:one", *span(start, home), rule or "X-NO-RULE:"]
    if rule and draw(st.booleans()):
        later = start + timedelta(days=draw(st.integers(0, 10)) * 17)
        lines += draw(
            st.lists(st.sampled_from([time("EXDATE", later), time("EXDATE"), time("RDATE", later)]), unique=True)
        )
    if rule and draw(st.booleans()):
        future = draw(st.sampled_from(["", ";RANGE=THISANDFUTURE"]))
        lines += ["VEVENT", "UID:one", time(f"RECURRENCE-ID{future}", start + timedelta(days=17)), *span(draw(walls))]
    return calendar(*MINE, *lines)


@settings(max_examples=examples(300), deadline=None)
@given(long_events(), st.sampled_from(OWNERS), st.integers(-30, 230), st.integers(1, 60))
def test_span_is_placed_as_the_same_part_of_a_longer_span(data: bytes, owner: Clock, after: int, days: int) -> None:
    start = DAY_ZERO.replace(tzinfo=UTC) + timedelta(days=after)
    end = start + timedelta(days=days)
    longer = busy_periods([data], start - timedelta(days=300), end + timedelta(days=300), owner)
    assert busy_periods([data], start, end, owner) == longer.within(minute_of(start), minute_of(end))
