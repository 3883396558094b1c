"""Slots that a reader can check with a calendar: an example request, and nights on which clocks change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.contract import MENTEE, MENTOR, SLOTS, between, utc
from support.strategies import WEEKDAYS

from scheduler.domain.availability.attendees import Attendee, Buffer, Unknown, WorkingHours
from scheduler.domain.search.slot_search import Order, SlotQuery, feasible_starts
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import Periods, instant_of


def starts(query: SlotQuery, day: str) -> list[str]:
    """The feasible starts on a UTC day, such as ``10-20``, as UTC times."""
    found = [instant_of(minute) for minute in feasible_starts(query).tolist()]
    return [f"{start:%H:%M}" for start in found if f"{start:%m-%d}" == day]


def daily(zone: str, start: int, end: int, **other: object) -> Attendee:
    return replace(Attendee(zone, hours=(WorkingHours(WEEKDAYS, start, end),)), **other)  # type: ignore[arg-type]  # the callers name the fields


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # Berlin opens at 08:00Z, Kolkata closes at 11:30Z.
        ("10-19", "08:00 08:15 08:30 08:45 09:00 09:15 09:30 09:45 10:00 10:15 10:30 10:45"),
        # The mentor is busy until 09:30 and wants five minutes after that.
        ("10-20", "09:45 10:00 10:15 10:30 10:45"),
        ("10-23", ""),  # a Friday: not the mentor's
        ("10-27", ""),  # finals
        # Berlin's clock has gone back: it opens at 09:00Z.
        ("11-03", "09:00 09:15 09:30 09:45 10:00 10:15 10:30 10:45"),
        ("11-02", ""),  # the dentist takes all that Kolkata and Berlin share that day
    ],
)
def test_example_request_finds_the_expected_starts(day: str, expected: str) -> None:
    assert starts(SLOTS, day) == expected.split()


def test_example_request_counts_every_start_beyond_the_limit() -> None:
    # 3 x 12 + 5 before the clock goes back, 3 x 8 in the week of the dentist, 4 x 8 after it.
    answer = find_slots(replace(SLOTS, limit=7, order=Order.EARLIEST))
    assert answer.total == 41 + 24 + 32
    assert [slot.period for slot in answer.slots[:2]] == [
        between("2026-10-19 08:00", "2026-10-19 08:45"),
        between("2026-10-19 08:15", "2026-10-19 09:00"),
    ]
    assert len(answer.slots) == 7
    assert answer.explanation is None


@pytest.mark.parametrize(
    ("zone", "window", "expected"),
    [
        # European weeks: in spring 01:00 and 03:00 follow each other, in autumn 02:00 comes twice.
        ("Europe/Berlin", ("2026-03-28 22:00", "2026-03-29 04:00"), "00:00 01:00 02:00"),
        ("Europe/Berlin", ("2026-10-24 22:00", "2026-10-25 05:00"), "23:00 00:00 01:00 02:00 03:00"),
        # American weeks, three and one later.
        ("America/New_York", ("2026-03-08 05:00", "2026-03-08 10:00"), "06:00 07:00 08:00"),
        ("America/New_York", ("2026-11-01 04:00", "2026-11-01 11:00"), "05:00 06:00 07:00 08:00 09:00"),
        # Lord Howe leaves out 02:00 to 02:30, and has 01:30 to 02:00 twice: a meeting may span both passes.
        ("Australia/Lord_Howe", ("2026-10-03 13:00", "2026-10-03 18:00"), "14:30 16:00 17:00"),
        ("Australia/Lord_Howe", ("2026-04-04 13:00", "2026-04-04 19:00"), "14:00 15:30 16:30 17:30"),
    ],
)
def test_starts_on_a_night_of_a_clock_change(zone: str, window: tuple[str, str], expected: str) -> None:
    query = SlotQuery(window=between(*window), duration=60, step=60, attendees=(daily(zone, 1 * 60, 5 * 60),))
    found = [f"{instant_of(minute):%H:%M}" for minute in feasible_starts(query).tolist()]
    assert found == expected.split()


def test_hours_from_a_skipped_midnight_begin_at_one() -> None:
    query = SlotQuery(
        window=between("2026-04-23 12:00", "2026-04-24 12:00"),
        duration=30,
        step=30,
        attendees=(daily("Africa/Cairo", 0, 2 * 60),),
    )
    assert starts(query, "04-23") == ["22:00", "22:30"]  # 01:00 and 01:30 in Cairo
    assert starts(query, "04-24") == []


def test_hours_past_midnight_belong_to_the_weekday_they_begin_on() -> None:
    friday_night = Attendee("UTC", hours=(WorkingHours(("FR",), 22 * 60, 2 * 60),))
    query = SlotQuery(
        window=between("2026-06-05 00:00", "2026-06-08 00:00"), duration=120, step=60, attendees=(friday_night,)
    )
    assert starts(query, "06-05") == ["22:00", "23:00"]
    assert starts(query, "06-06") == ["00:00"]


def test_day_skipped_in_apia_has_no_starts() -> None:
    friday = Attendee("Pacific/Apia", hours=(WorkingHours(("FR",), 0, 0),))
    query = SlotQuery(window=between("2011-12-27 00:00", "2012-01-03 00:00"), duration=30, step=30, attendees=(friday,))
    assert feasible_starts(query).size == 0


def test_step_counts_on_the_organizers_wall_clock() -> None:
    nepal, berlin = daily("Asia/Kathmandu", 0, 0), daily("Europe/Berlin", 0, 0)
    window = between("2026-06-01 00:00", "2026-06-01 02:00")
    assert starts(SlotQuery(window=window, duration=30, step=60, attendees=(nepal, berlin)), "06-01") == [
        "00:15",
        "01:15",
    ]
    assert starts(SlotQuery(window=window, duration=30, step=60, attendees=(berlin, nepal)), "06-01") == [
        "00:00",
        "01:00",
    ]


def test_step_that_does_not_divide_the_day_restarts_at_midnight() -> None:
    query = SlotQuery(
        window=between("2026-06-01 22:00", "2026-06-02 02:00"), duration=10, step=50, attendees=(daily("UTC", 0, 0),)
    )
    assert starts(query, "06-01") == ["22:30", "23:20"]
    assert starts(query, "06-02") == ["00:00", "00:50", "01:40"]


def test_window_is_rounded_inwards_and_holds_the_whole_meeting() -> None:
    window = between("2026-06-01 09:00:01", "2026-06-01 09:33:59")
    assert starts(SlotQuery(window=window, duration=30, step=1, attendees=(daily("UTC", 0, 0),)), "06-01") == [
        "09:01",
        "09:02",
        "09:03",
    ]


def test_buffer_keeps_from_busy_periods_only_also_beyond_the_window() -> None:
    busy = Periods.of(
        [between("2026-06-01 08:00", "2026-06-01 08:56"), between("2026-06-01 12:00", "2026-06-01 12:30")]
    )
    one = daily("UTC", 9 * 60, 12 * 60, busy=busy, buffer=Buffer(before=5, after=10))
    query = SlotQuery(window=between("2026-06-01 09:00", "2026-06-01 12:00"), duration=60, step=10, attendees=(one,))
    assert starts(query, "06-01") == [
        *("09:10", "09:20", "09:30", "09:40", "09:50"),
        *("10:00", "10:10", "10:20", "10:30", "10:40", "10:50"),
    ]


def test_minimum_notice_is_exact_to_the_second() -> None:
    query = SlotQuery(
        window=between("2026-06-01 09:00", "2026-06-01 10:00"), duration=30, step=15, attendees=(daily("UTC", 0, 0),)
    )
    assert starts(replace(query, not_before=utc("2026-06-01 09:15")), "06-01") == ["09:15", "09:30"]
    assert starts(replace(query, not_before=utc("2026-06-01 09:15:01")), "06-01") == ["09:30"]


def test_unknown_calendar_is_neither_available_nor_unavailable() -> None:
    unknown = replace(MENTEE, unknown=Unknown("no connection"))
    answer = find_slots(replace(SLOTS, attendees=(MENTOR, unknown)))
    assert answer.total == 97
    assert {slot.available for slot in answer.slots} == {(True, None)}

    refused = find_slots(replace(SLOTS, attendees=(MENTOR, unknown), allow_unknown=False))
    assert (refused.total, refused.slots) == (0, ())
    assert refused.explanation is not None
    assert refused.explanation.reason == "stale_calendar"


def test_optional_attendee_blocks_nothing_and_is_unavailable() -> None:
    answer = find_slots(replace(SLOTS, attendees=(MENTOR, replace(MENTEE, required=False)), limit=5000))
    away = [slot for slot in answer.slots if slot.available == (True, False)]
    assert answer.total == len(answer.slots) > 97
    assert len(answer.slots) - len(away) == 97


@pytest.mark.parametrize(
    ("change", "reason", "rows"),
    [
        ({"window": between("2026-06-01 09:00", "2026-06-01 09:30")}, "window_too_short", []),
        (
            {"attendees": (daily("UTC", 0, 0), Attendee("UTC", hours=()))},
            "no_working_hours",
            [(1, "no_working_hours", 5)],
        ),
        (
            {"attendees": (daily("UTC", 0, 540), daily("UTC", 600, 0))},
            "no_common_hours",
            [(0, "outside_hours", 5), (1, "outside_hours", 4)],
        ),
        ({"not_before": utc("2026-06-01 10:30")}, "minimum_notice", [(None, "minimum_notice", 5)]),
        (
            {"attendees": (daily("UTC", 0, 0, busy=Periods.of([between("2026-06-01 09:40", "2026-06-01 10:20")])),)},
            "busy",
            [(0, "busy", 5)],
        ),
        (
            {
                "attendees": (
                    daily(
                        *("UTC", 0, 0),
                        busy=Periods.of(
                            [
                                between("2026-06-01 08:00", "2026-06-01 09:10"),
                                between("2026-06-01 10:40", "2026-06-01 11:00"),
                            ]
                        ),
                        buffer=Buffer(before=60, after=60),
                    ),
                )
            },
            "buffer",
            [(0, "buffer", 3), (0, "busy", 2)],
        ),
    ],
)
def test_empty_answer_gives_reason_and_blocking(
    change: dict[str, object], reason: str, rows: list[tuple[int | None, str, int]]
) -> None:
    # Five starts from 09:00 to 10:00 in a window of two hours less a quarter.
    query = SlotQuery(
        window=between("2026-06-01 09:00", "2026-06-01 10:45"), duration=45, step=15, attendees=(daily("UTC", 0, 0),)
    )
    answer = find_slots(replace(query, **change))  # type: ignore[arg-type]  # the table names the fields
    assert answer.explanation is not None
    assert answer.explanation.reason == reason
    assert [(row.index, row.cause, row.starts_lost) for row in answer.explanation.blocking] == rows
