"""Hypothesis strategies for queries: zones with unusual clock changes, and dates around these."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from hypothesis import strategies as st

from scheduler.domain.availability.attendees import (
    DEFAULT_HOURS,
    Attendee,
    Blackout,
    BlackoutKind,
    Buffer,
    Days,
    Unknown,
    WorkingHours,
)
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.date_patterns import Pattern
from scheduler.domain.search.planning import OnConflict
from scheduler.domain.search.rules import Group, Rules, Within
from scheduler.domain.search.slot_search import Order, SlotQuery
from scheduler.domain.time.clocks import PlannedMove
from scheduler.domain.time.periods import Period, Periods

CHANGES: dict[str, tuple[date, ...]] = {
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),  # half an hour
    "Pacific/Chatham": (date(2026, 4, 5), date(2026, 9, 27)),  # 12:45 and 13:45 ahead
    "Asia/Kathmandu": (date(1986, 1, 1),),  # fifteen minutes, once and for ever
    "Antarctica/Troll": (date(2026, 3, 29), date(2026, 10, 25)),  # two hours
    "Africa/Casablanca": (date(2026, 2, 15), date(2026, 3, 22)),  # back for Ramadan
    "Europe/Dublin": (date(2026, 3, 29), date(2026, 10, 25)),  # "negative" summer time
    "Africa/Cairo": (date(2026, 4, 24), date(2026, 10, 29)),  # midnight does not exist, or ends twice
    "America/Santiago": (date(2026, 4, 4), date(2026, 9, 6)),  # the same
    "Pacific/Apia": (date(2011, 12, 30), date(2011, 9, 24), date(2012, 4, 1)),  # the first is a day nobody had
    "Australia/Sydney": (date(2026, 4, 5), date(2026, 10, 4)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
}
"""The local dates on which each zone's clock changes, as they were or will be."""

ZONES = (*CHANGES, "UTC")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

zones = st.sampled_from(ZONES)
_days = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True).map(tuple)
_clock = st.integers(0, 1439) | st.sampled_from([0, 60, 120, 150, 540, 1020, 1320])

entries = st.builds(WorkingHours, _days | st.just(WEEKDAYS), _clock, _clock)
all_day = st.builds(lambda start: WorkingHours(WEEKDAYS, start, start), _clock)
hours = st.one_of(
    st.lists(entries, min_size=1, max_size=4).map(tuple),
    st.just(DEFAULT_HOURS),
    st.none(),
    all_day.map(lambda entry: (entry,)),
    st.just((WorkingHours(WEEKDAYS, 6 * 60, 23 * 60),)),
)
buffers = st.builds(Buffer, *[st.just(0) | st.integers(0, 90)] * 2)


@st.composite
def starting_dates(draw: st.DrawFn) -> tuple[str, date]:
    """A zone and a date, mostly on or just before one of its clock changes."""
    zone = draw(zones)
    if zone in CHANGES and draw(st.integers(0, 4)):
        return zone, draw(st.sampled_from(CHANGES[zone])) - timedelta(days=draw(st.integers(0, 3)))
    return zone, draw(st.dates(date(1975, 1, 1), date(2036, 1, 1)))


@st.composite
def periods_near(draw: st.DrawFn, begin: datetime, span: timedelta, longest: int = 2000) -> Period:
    """A period with odd seconds that begins from a day before ``begin`` to a little after the span."""
    minutes = int(span.total_seconds()) // 60
    start = begin + timedelta(minutes=draw(st.integers(-1500, minutes + 100)))
    seconds = st.just(0) | st.integers(1, 59)
    length = timedelta(minutes=draw(st.integers(1, 90) | st.integers(1, longest)), seconds=draw(seconds))
    return Period(start + timedelta(seconds=draw(seconds)), start + timedelta(seconds=60) + length)


@st.composite
def blackouts_near(draw: st.DrawFn, begin: datetime, span: timedelta) -> Blackout:
    """A firm or soft blackout, all-day or timed."""
    if draw(st.booleans()):
        first = begin.date() + timedelta(days=draw(st.integers(-2, span.days + 1)))
        where: Days | Period = Days(first, first + timedelta(days=draw(st.integers(0, 2))))
    else:
        where = draw(periods_near(begin, span))
    title = draw(st.sampled_from(["Finals", "Dentist"]))
    return Blackout(BlackoutKind.OTHER, title, where, firm=draw(st.sampled_from([True, True, False])))


@st.composite
def routines(draw: st.DrawFn, begin: datetime, span: timedelta) -> list[Period]:
    """One period at about the same time on some days, so that no weekly meeting is always clear."""
    days = draw(st.sets(st.integers(0, span.days), max_size=15))
    first = begin + timedelta(minutes=draw(st.integers(0, 1439)))
    length = timedelta(minutes=draw(st.integers(100, 1100)))
    starts = [first + timedelta(days=day, minutes=day % 7) for day in sorted(days)]
    return [Period(start, start + length) for start in starts]


@st.composite
def stays_near(draw: st.DrawFn, begin: datetime, span: timedelta) -> tuple[PlannedMove, ...]:
    """Up to two planned moves, one after the other."""
    day = begin.date() + timedelta(days=draw(st.integers(-3, max(span.days, 1))))
    moves = []
    for zone in draw(st.lists(zones, max_size=2)):
        last = day + timedelta(days=draw(st.integers(0, 5)))
        moves.append(PlannedMove(day, last, zone))
        day = last + timedelta(days=draw(st.integers(1, 3)))
    return tuple(moves)


@st.composite
def attendees_near(draw: st.DrawFn, zone: str, begin: datetime, span: timedelta) -> Attendee:
    """An attendee, likely in ``zone``, with a few busy periods and blackouts near the span."""
    busy = draw(st.lists(periods_near(begin, span), max_size=5))
    if span.days > 10:
        busy += draw(routines(begin, span))
    return Attendee(
        zone=draw(st.just(zone) | zones),
        hours=draw(hours),
        blackouts=tuple(draw(st.lists(blackouts_near(begin, span), max_size=2))),
        busy=Periods.of(busy),
        buffer=draw(buffers),
        required=draw(st.sampled_from([True, True, True, False])),
        travel=draw(st.just(()) | stays_near(begin, span)),
    )


_durations = st.sampled_from([1, 15, 30, 45, 60, 90]) | st.integers(1, 240) | st.integers(1, 1440)
_steps = st.sampled_from([1, 5, 7, 11, 15, 30, 45, 50, 60, 1440]) | st.integers(5, 1440)


@st.composite
def _people(draw: st.DrawFn, zone: str, begin: datetime, span: timedelta, most: int) -> tuple[Attendee, ...]:
    """One to ``most`` attendees of whom one at least is required."""
    one = attendees_near(zone, begin, span)
    people = st.lists(one, min_size=1, max_size=most).map(tuple)
    return draw(people.filter(lambda some: any(each.required for each in some)))


@st.composite
def with_meetings(
    draw: st.DrawFn, people: tuple[Attendee, ...], begin: datetime, span: timedelta
) -> tuple[Attendee, ...]:
    """The attendees with meetings that some or all of them have, and with limits a day and a week."""
    shared = draw(st.lists(periods_near(begin, span, 120), max_size=3))
    most = st.none() | st.integers(1, 2)
    return tuple(
        replace(
            one,
            meetings=(*shared, *draw(st.lists(periods_near(begin, span, 120), max_size=2))),
            at_most_per_day=draw(most),
            at_most_per_week=draw(most),
        )
        for one in people
    )


@st.composite
def rules_for(draw: st.DrawFn, people: tuple[Attendee, ...]) -> Rules:
    """Rules for a query of these attendees."""
    everybody = st.lists(st.sampled_from(range(len(people))), min_size=1, unique=True).map(tuple)
    groups = st.builds(
        lambda members, short: Group(members, max(1, len(members) - short)), everybody, st.integers(0, 1)
    )
    wide = st.builds(WorkingHours, st.just(WEEKDAYS), _clock, _clock)
    return Rules(
        within=draw(st.none() | st.builds(Within, st.lists(wide, min_size=1, max_size=2).map(tuple), zones)),
        minimum_gap=draw(st.sampled_from([0, 0, 30, 600, 2880, 5000])),
        groups=draw(st.lists(groups, max_size=2).map(tuple)),
    )


Q = TypeVar("Q", SlotQuery, CadenceQuery)


@st.composite
def ruled(draw: st.DrawFn, queries: st.SearchStrategy[Q]) -> Q:
    """The queries with rules, and attendees with meetings."""
    query = draw(queries)
    if isinstance(query, SlotQuery):
        begin, span = query.window.start, query.window.end - query.window.start
    else:
        begin = datetime(query.starts_on.year, query.starts_on.month, query.starts_on.day, tzinfo=UTC)
        span = query.ends_on - query.starts_on + timedelta(days=1)
    people = draw(with_meetings(query.attendees, begin, span))
    return replace(query, attendees=people, rules=draw(rules_for(people)))


@st.composite
def slot_queries(draw: st.DrawFn) -> SlotQuery:
    """A slot query over one to ten days, often off the grid and with seconds."""
    zone, day = draw(starting_dates())
    odd = st.integers(0, 1439) | st.sampled_from([0, 7])
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=draw(odd))
    begin += timedelta(seconds=draw(st.sampled_from([0, 0, 1, 30, 59])))
    days = draw(st.sampled_from([1, 1, 2, 2, 3, 3, 4, 7, 10]))
    span = timedelta(days=days, minutes=-draw(st.integers(0, 1380)), seconds=draw(st.sampled_from([0, 0, 1, 59])))
    notice = st.integers(-60, days * 1440).map(lambda minutes: begin + timedelta(minutes=minutes, seconds=minutes % 3))
    return SlotQuery(
        window=Period(begin, begin + span),
        duration=draw(_durations),
        step=draw(_steps if days > 2 else _steps | st.integers(1, 4)),
        attendees=draw(_people(zone, begin, span, 4)),
        order=draw(st.sampled_from(Order)),
        limit=draw(st.integers(1, 30) | st.just(5000)),
        not_before=draw(st.none() | st.none() | notice),
    )


@st.composite
def hopeless_slot_queries(draw: st.DrawFn) -> SlotQuery:
    """A slot query over about a day whose attendees have little time, so that it mostly has no answer."""
    zone, day = draw(starting_dates())
    begin = datetime(day.year, day.month, day.day, draw(st.integers(0, 23)), tzinfo=UTC)
    span = timedelta(minutes=draw(st.integers(30, 2000)))
    narrow = st.lists(st.builds(WorkingHours, st.just(WEEKDAYS), _clock, _clock), max_size=2).map(tuple)
    unknown = st.none() | st.just(Unknown("no connection"))
    some = [
        Attendee(
            zone=draw(st.just(zone) | zones),
            hours=draw(st.none() | narrow | hours),
            blackouts=tuple(draw(st.lists(blackouts_near(begin, span), max_size=2))),
            busy=Periods.of(draw(st.lists(periods_near(begin, span), max_size=4))),
            buffer=draw(buffers),
            required=index == 0 or draw(st.booleans()),
            unknown=draw(unknown),
        )
        for index in range(draw(st.integers(1, 3)))
    ]
    notice = st.integers(-60, 2000).map(lambda minutes: begin + timedelta(minutes=minutes))
    return SlotQuery(
        window=Period(begin, begin + span),
        duration=draw(_durations),
        step=draw(_steps),
        attendees=tuple(draw(st.permutations(some))),
        not_before=draw(st.none() | notice),
        allow_unknown=draw(st.booleans()),
    )


@st.composite
def cadence_queries(draw: st.DrawFn) -> CadenceQuery:
    """A cadence query over three to ten weeks, mostly with a clock change."""
    zone, day = draw(starting_dates())
    weeks = draw(st.sampled_from([3, 3, 3, 4, 5, 6, 8, 10]))
    pattern = draw(st.sampled_from([Pattern.WEEKLY] * 3 + [Pattern.MONTHLY_WEEKDAY]))
    per_week = draw(st.sampled_from([1] * 5 + [2, 2, 3, 5])) if pattern is Pattern.WEEKLY else 1
    every_weeks = draw(st.sampled_from([1, 1, 2, 2, 3, 4, 8])) if (pattern, per_week) == (Pattern.WEEKLY, 1) else 1
    # There are five times as many sets of dates then, for the oracle to go through one by one.
    many_dates = pattern is Pattern.MONTHLY_WEEKDAY or per_week > 1
    several = st.sampled_from([30, 45, 50, 60, 90, 120, 360, 1440]) | st.integers(40, 1440)
    steps = st.sampled_from([240, 360, 700, 1440]) if many_dates else several
    starts_on = day - timedelta(days=draw(st.integers(0, 7 * weeks - 7)))
    ends_on = starts_on + timedelta(days=7 * weeks - draw(st.integers(0, 6)) - 1)
    begin = datetime(starts_on.year, starts_on.month, starts_on.day, tzinfo=UTC)
    return CadenceQuery(
        starts_on=starts_on,
        ends_on=ends_on,
        every_weeks=every_weeks,
        duration=draw(_durations | st.integers(1, 60) | st.integers(1, 120)),
        step=draw(steps),
        time_zone=draw(st.just(zone) | zones),
        attendees=draw(_people(zone, begin, ends_on - starts_on, 3)),
        min_coverage=draw(st.sampled_from([0.0, 0.25, 0.333, 0.5, 0.6667, 0.667, 0.75, 1.0])),
        on_conflict=draw(st.sampled_from([OnConflict.MOVE, OnConflict.MOVE, OnConflict.SKIP])),
        move_within_days=draw(st.integers(0, min(7 * every_weeks - 1, 9))),
        limit=draw(st.sampled_from([1, 2, 3, 4, 12, 400])),  # each answer is planned, and there may be hundreds
        pattern=pattern,
        per_week=per_week,
    )


@st.composite
def _taken(draw: st.DrawFn, attendee: Attendee, begin: datetime, days: int) -> Attendee:
    """The attendee with most of those days taken, by one thing or by another."""
    busy, blackouts = list(attendee.busy), list(attendee.blackouts)
    free = timedelta(minutes=draw(st.integers(0, 900)))
    if draw(st.booleans()):
        busy.append(Period(begin - timedelta(days=2) + free, begin + timedelta(days=days + 3) - free))
    if draw(st.booleans()):
        away = Days(begin.date() + timedelta(days=draw(st.integers(-1, 1))), begin.date() + timedelta(days=days))
        blackouts.append(Blackout(BlackoutKind.BREAK, "Holidays", away))
    narrow = st.builds(lambda start: (WorkingHours(WEEKDAYS, start, (start + 200) % 1440),), _clock)
    wanted = draw(st.one_of(*[st.just(attendee.hours)] * 3, narrow, st.just(())))
    return replace(attendee, hours=wanted, busy=Periods.of(busy), blackouts=tuple(blackouts))


@st.composite
def hopeless_cadence_queries(draw: st.DrawFn) -> CadenceQuery:
    """A cadence query over at most two weeks whose attendees have little time, so that it mostly has no answer."""
    query = draw(cadence_queries())
    begin = datetime(query.starts_on.year, query.starts_on.month, query.starts_on.day, tzinfo=UTC)
    days = draw(st.integers(query.per_week, 14))
    people = [draw(_taken(one, begin, days)) for one in query.attendees]
    people[0] = replace(people[0], unknown=draw(st.none() | st.just(Unknown("no connection"))))
    return replace(
        query,
        ends_on=query.starts_on + timedelta(days=days - 1),
        every_weeks=query.every_weeks if query.per_week > 1 else draw(st.integers(1, 2)),
        duration=draw(st.integers(1, 90) | st.integers(1, 600)),
        step=draw(st.integers(60, 1440)),
        attendees=tuple(people),
        min_coverage=draw(st.sampled_from([0.0, 0.5, 0.667, 1.0])),
        allow_unknown=draw(st.sampled_from([True, True, False])),
    )
