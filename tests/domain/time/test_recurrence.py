"""The two bounded recurrences: a series' weekly rule and a blackout's yearly or weekly one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st
from support.recurring import recurrence_days
from support.strategies import ZONES

from scheduler.domain.time import recurrence
from scheduler.domain.time.recurrence import (
    WEEKDAYS,
    BlackoutRule,
    MonthlyRule,
    SeriesRule,
    UnsupportedRule,
    WeeklyRule,
    parse_rule,
    weekday_of,
)

RULE = "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270406T123000Z"
moments = st.datetimes(datetime(1980, 1, 1), datetime(2037, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


weekdays = st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(lambda some: tuple(sorted(some, key=WEEKDAYS.index)))
weekly = st.builds(WeeklyRule, st.integers(1, 8), weekdays, moments)
monthly = st.builds(MonthlyRule, st.sampled_from([1, 2, 3, 4, -1]), st.sampled_from(WEEKDAYS), moments)


@given(weekly | monthly)
def test_series_rule_survives_formatting_and_parsing(rule: SeriesRule) -> None:
    assert parse_rule(str(rule)) == rule


def test_weekly_rule_has_the_form_of_a_cadence_answer() -> None:
    assert str(WeeklyRule(2, ("TU",), datetime(2027, 4, 6, 12, 30, tzinfo=UTC))) == RULE
    assert str(parse_rule(RULE)) == RULE


def test_missing_interval_is_one_week() -> None:
    text = "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270406T123000Z"
    assert parse_rule(text) == parse_rule(text.replace("BYDAY", "INTERVAL=1;BYDAY"))


@given(weekly | monthly, st.dates(date(1990, 1, 1), date(2030, 1, 1)))
def test_rule_dates_equal_those_of_dateutil(rule: SeriesRule, about: date) -> None:
    first = next(rule.dates(about))
    ours = [str(day) for day, _ in zip(rule.dates(first), range(20), strict=False)]
    text = str(rule).rpartition(";UNTIL")[0]
    theirs = rrulestr(f"{text};COUNT=20", dtstart=datetime.combine(first, datetime.min.time()))
    assert ours == [f"{start:%Y-%m-%d}" for start in theirs]
    assert first >= about


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FREQ=DAILY;UNTIL=20270406T123000Z",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;COUNT=5",
        "FREQ=WEEKLY;INTERVAL=9;BYDAY=TU;UNTIL=20270406T123000Z",
        "FREQ=WEEKLY;INTERVAL=0;BYDAY=TU;UNTIL=20270406T123000Z",
        "FREQ=WEEKLY;INTERVAL=1;BYDAY=TH,TU;UNTIL=20270406T123000Z",
        "FREQ=WEEKLY;INTERVAL=1;BYDAY=TU,TU;UNTIL=20270406T123000Z",
        "FREQ=WEEKLY;INTERVAL=1;BYDAY=,;UNTIL=20270406T123000Z",
        "FREQ=MONTHLY;BYDAY=5TU;UNTIL=20270406T123000Z",
        "FREQ=MONTHLY;BYDAY=TU;UNTIL=20270406T123000Z",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=1TU;UNTIL=20270406T123000Z",
        "FREQ=MONTHLY;BYMONTHDAY=3;UNTIL=20270406T123000Z",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270406T123000",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270231T123000Z",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270406",
        f"{RULE};WKST=SU",
        f"{RULE}\n",
        f"RRULE:{RULE}",
    ],
)
def test_unsupported_series_rule_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedRule, match="give the rrule of a cadence answer") as refused:
        parse_rule(text)
    assert refused.value.rule == text


def test_occurrences_keep_their_wall_time_over_a_clock_change() -> None:
    rule = parse_rule("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20261103T093000Z")
    starts = list(rule.starts(datetime(2026, 10, 13, 10, 30), "Europe/Berlin"))
    assert [f"{start.wall:%m-%d %H:%M}" for start in starts] == [
        "10-13 10:30",
        "10-20 10:30",
        "10-27 10:30",
        "11-03 10:30",
    ]
    assert [start.instant.hour for start in starts] == [8, 8, 9, 9]


@given(
    st.integers(1, 8),
    st.integers(0, 20),
    st.sampled_from(ZONES),
    st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1)),
)
def test_until_is_the_last_occurrence(interval: int, more: int, zone: str, wall: datetime) -> None:
    wall = wall.replace(second=0, microsecond=0)
    weeks = [wall + timedelta(weeks=interval * n) for n in range(more + 1)]
    last = list(WeeklyRule(interval, (weekday_of(wall),), datetime(2037, 12, 1, tzinfo=UTC)).starts(wall, zone))[
        : more + 1
    ]
    if len(last) == more + 1:
        rule = WeeklyRule(interval, (weekday_of(wall),), last[-1].instant)
        assert [start.wall for start in rule.starts(wall, zone)] == weeks


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=1",
        "FREQ=WEEKLY;BYDAY=TU,TH",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=10",
        "FREQ=WEEKLY;UNTIL=20270101T000000Z",
        "FREQ=WEEKLY;UNTIL=20270101",
        "FREQ=WEEKLY;WKST=SU;INTERVAL=2",
    ],
)
def test_yearly_and_weekly_blackout_rules_are_accepted(text: str) -> None:
    assert BlackoutRule(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "every tuesday",
        "FREQ=DAILY",
        "FREQ=MONTHLY;BYMONTHDAY=1",
        "FREQ=SECONDLY",
        "INTERVAL=2",
        "FREQ=WEEKLY;BYHOUR=1",
        "FREQ=WEEKLY;BYSETPOS=1",
        "FREQ=WEEKLY;INTERVAL=two",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=-1",
        "FREQ=WEEKLY;COUNT=0",
        "FREQ=WEEKLY;COUNT=-3",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=",
        "FREQ=WEEKLY;UNTIL=soon",
        "FREQ=WEEKLY;UNTIL=20271301",
        "FREQ=WEEKLY;",
        "FREQ=WEEKLY\nEXRULE:FREQ=DAILY",
        "FREQ=WEEKLY;FREQ=WEEKLY",
        "FREQ=WEEKLY;COUNT=2;UNTIL=20270101",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=32",
        "FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 80),
    ],
)
def test_unsupported_blackout_rule_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedRule, match="use FREQ=YEARLY or FREQ=WEEKLY") as refused:
        BlackoutRule(text)
    assert refused.value.rule == text


FIRST = datetime(2026, 6, 2, 18)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR,SU",
        "FREQ=WEEKLY;BYDAY=MO,TU;COUNT=7",
        "FREQ=WEEKLY;UNTIL=20260714T180000Z",
        "FREQ=WEEKLY;UNTIL=20260714",
        "FREQ=YEARLY",
        "FREQ=YEARLY;INTERVAL=2",
        "FREQ=YEARLY;COUNT=2",
        "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=2",
    ],
)
@given(st.integers(-30, 1500), st.integers(0, 900))
def test_blackout_starts_equal_a_day_by_day_scan(text: str, skipped: int, days: int) -> None:
    after = FIRST + timedelta(days=skipped)
    before = after + timedelta(days=days)
    walked = [datetime.combine(day, FIRST.time()) for day in recurrence_days(text, FIRST, before.date())]
    assert BlackoutRule(text).starts(FIRST, after, before, "UTC") == [
        start for start in walked if after <= start <= before
    ]


@st.composite
def blackout_rules(draw: st.DrawFn) -> str:
    """Everything that a blackout's rule may have, but for UNTIL, which is looked at elsewhere."""
    frequency = draw(st.sampled_from(["WEEKLY", "YEARLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 20))}"]
    days = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=3, unique=True)
    months = st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True)
    month_days = st.lists(st.sampled_from([1, 5, 28, 29, 31, -1, -3]), min_size=1, max_size=2, unique=True)
    if draw(st.booleans()):
        place = draw(st.sampled_from(["", "1", "-1", "2"])) if frequency == "YEARLY" else ""
        parts.append("BYDAY=" + ",".join(place + day for day in draw(days)))
    if draw(st.booleans()):
        parts.append("BYMONTH=" + ",".join(map(str, draw(months))))
    if frequency == "YEARLY" and draw(st.booleans()):
        parts.append("BYMONTHDAY=" + ",".join(map(str, draw(month_days))))
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    if draw(st.integers(0, 4)) == 0:
        parts.append(f"COUNT={draw(st.integers(1, 999))}")
    return ";".join(parts)


@given(
    blackout_rules(),
    st.datetimes(datetime(1972, 1, 1), datetime(2030, 12, 31)) | st.just(datetime(1996, 2, 29, 9)),
    st.integers(-500, 20_000),
    st.integers(0, 800),
)
def test_skipping_rounds_changes_no_start(text: str, first: datetime, away: int, days: int) -> None:
    try:
        rule = BlackoutRule(text)
    except UnsupportedRule:
        assume(False)
    first = first.replace(second=0, microsecond=0)
    after = first + timedelta(days=away)
    before = after + timedelta(days=days)
    counted_from_the_beginning = rrulestr(text, dtstart=first).between(after, before, inc=True)
    assert rule.starts(first, after, before, "UTC") == counted_from_the_beginning


@pytest.mark.parametrize(
    ("text", "at_most"),
    [
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", timedelta(weeks=2)),
        ("FREQ=WEEKLY;INTERVAL=3", timedelta(weeks=6)),
        ("FREQ=YEARLY;BYMONTH=6", timedelta(days=3 * 366)),
        ("FREQ=YEARLY;INTERVAL=5;UNTIL=20400101", timedelta(days=15 * 366)),
    ],
)
def test_old_blackout_is_counted_from_shortly_before_the_search(
    monkeypatch: pytest.MonkeyPatch, text: str, at_most: timedelta
) -> None:
    begun: list[datetime] = []

    def remembering(rule: str, dtstart: datetime) -> Any:
        begun.append(dtstart)
        return rrulestr(rule, dtstart=dtstart)

    monkeypatch.setattr(recurrence, "rrulestr", remembering)
    asked = datetime(2026, 10, 1)
    BlackoutRule(text).starts(datetime(1973, 1, 1, 9), asked, datetime(2027, 10, 1), "UTC")
    assert timedelta() <= asked - begun[-1] <= at_most


@given(st.dates())
def test_weekday_names_are_those_of_rfc_5545(day: date) -> None:
    assert weekday_of(day) == f"{day:%a}"[:2].upper()
